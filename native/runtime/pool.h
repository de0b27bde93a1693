// The threads that calls share. One pool serves the process, all its isolates: it starts threads when a call first
// wants them, and they sleep when there has been no work for them for a while. A call wakes those that it wants.
#pragma once
#include <cstddef>

namespace bn {
namespace pool {

/** No call uses more threads than these, the caller among them. */
constexpr size_t MAX_THREADS = 256;

/**
 * Calls task(job, part) for every part < parts, on up to `threads` threads, the caller's included, and returns when all
 * are done. Each thread takes the parts of its own share in order, then what others have not begun. Where another
 * isolate is using the pool, or no thread can be started, the caller does it all.
 */
void run(size_t threads, size_t parts, void (*task)(const void* job, size_t part), const void* job);

/** Every isolate that may call `run` holds the pool; when the last one lets go of it, its threads end. */
void hold();
void release();

}  // namespace pool
}  // namespace bn
