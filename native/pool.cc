#include "pool.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <vector>

#if !defined(_WIN32)
#include <pthread.h>
#endif
#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#endif

namespace bn {
namespace pool {
namespace {

constexpr size_t MOST_PARTS = 1024;
constexpr size_t MOST_THREADS = 256;
/** Looks at a flag that is about to change, before the processor is offered to others. */
constexpr int LOOKS = 4096;
/** How long a thread without work looks for some before it sleeps: waking it costs about as much. */
constexpr std::chrono::microseconds SPIN{60};

using Task = void (*)(const void* job, size_t part);

inline void pause() {
#if defined(__x86_64__) || defined(_M_X64)
  _mm_pause();
#elif defined(__aarch64__) && !defined(_MSC_VER)
  __asm__ volatile("yield");
#endif
}

/**
 * A call is a ticket: its number, and how many parts and threads it has, in one word. A part is claimed by writing the
 * ticket's number over a lower one, so that a thread that comes late finds nothing to claim, and touches nothing of the
 * call that may have ended: whoever claimed a part keeps the call from ending.
 */
class Ticket {
 public:
  // 44 bits for the number: at a call every three microseconds they last for more than a year.
  Ticket(uint64_t number, size_t parts, size_t threads) : word_(number << 20 | parts << 9 | threads) {}
  explicit Ticket(uint64_t word) : word_(word) {}
  uint64_t word() const { return word_; }
  uint64_t number() const { return word_ >> 20; }
  size_t parts() const { return word_ >> 9 & 0x7ff; }
  size_t threads() const { return word_ & 0x1ff; }

 private:
  uint64_t word_;
};

class Pool {
 public:
  void run(size_t threads, size_t parts, Task task, const void* job) {
    std::unique_lock<std::mutex> caller(callers_, std::try_to_lock);
    if (!caller.owns_lock() || threads < 2 || start(std::min(threads, MOST_THREADS) - 1) == 0) {
      for (size_t part = 0; part < parts; ++part) task(job, part);
      return;
    }
    const size_t each = (parts + MOST_PARTS - 1) / MOST_PARTS;  // parts that are claimed together
    task_ = task;
    job_ = job;
    each_ = each;
    parts_ = parts;
    const Ticket ticket(++number_, (parts + each - 1) / each, std::min(threads, workers_.size() + 1));
    done_.store(0, std::memory_order_relaxed);
    publish(ticket);
    work(ticket, 0);
    for (int looks = 0; done_.load(std::memory_order_acquire) < ticket.parts(); ++looks) {
      looks < LOOKS ? pause() : std::this_thread::yield();
    }
  }

  void hold() {
    const std::lock_guard<std::mutex> lock(callers_);
    ++holders_;
  }

  void release() {
    const std::lock_guard<std::mutex> lock(callers_);
    if (--holders_ == 0) stop();
  }

  /** In a child process after fork: its parent's threads are not there. */
  void forget() {
    for (std::thread& worker : workers_) new (&worker) std::thread();
    workers_.clear();
    new (&callers_) std::mutex();
    new (&sleep_) std::mutex();
    new (&wake_) std::condition_variable();
    sleepers_ = 0;
  }

 private:
  /** Threads beside the caller's; fewer than were wanted where the system gives no more. */
  size_t start(size_t wanted) {
    while (workers_.size() < wanted) {
      try {
        const size_t index = workers_.size() + 1;
        workers_.emplace_back([this, index, seen = ticket_.load()] { serve(index, seen); });
      } catch (const std::system_error&) {
        break;
      }
    }
    return workers_.size();
  }

  void stop() {
    publish(Ticket(++number_, 0, 0));
    for (std::thread& worker : workers_) worker.join();
    workers_.clear();
  }

  void publish(Ticket ticket) {
    ticket_.store(ticket.word());
    if (sleepers_.load() == 0) return;
    const std::lock_guard<std::mutex> lock(sleep_);
    wake_.notify_all();
  }

  /** What a worker does, until it is given a ticket for no threads. */
  void serve(size_t index, uint64_t seen) {
    for (;;) {
      const Ticket ticket(await(seen));
      if (ticket.threads() == 0) return;
      seen = ticket.word();
      if (index < ticket.threads()) work(ticket, index);
    }
  }

  /** The ticket that follows the one seen. */
  uint64_t await(uint64_t seen) {
    const auto until = std::chrono::steady_clock::now() + SPIN;
    do {
      for (int i = 0; i < 64; ++i) {
        const uint64_t word = ticket_.load(std::memory_order_acquire);
        if (word != seen) return word;
        pause();
      }
    } while (std::chrono::steady_clock::now() < until);
    std::unique_lock<std::mutex> lock(sleep_);
    ++sleepers_;
    uint64_t word;
    wake_.wait(lock, [&] { return (word = ticket_.load()) != seen; });
    --sleepers_;
    return word;
  }

  /** Takes part in a call: first the share of this thread, then what is left. */
  void work(Ticket ticket, size_t index) {
    const size_t parts = ticket.parts(), start = parts * index / ticket.threads();
    for (size_t i = 0; i < parts; ++i) {
      const size_t claim = start + i < parts ? start + i : start + i - parts;
      uint64_t held = claims_[claim].load(std::memory_order_relaxed);
      while (held < ticket.number()) {
        if (!claims_[claim].compare_exchange_weak(held, ticket.number(), std::memory_order_acq_rel)) continue;
        const size_t first = claim * each_, last = std::min(first + each_, parts_);
        for (size_t part = first; part < last; ++part) task_(job_, part);
        done_.fetch_add(1, std::memory_order_release);
        break;
      }
    }
  }

  std::mutex callers_;  // held by the isolate that uses the pool
  std::vector<std::thread> workers_;
  size_t holders_ = 0;
  uint64_t number_ = 0;

  // Of the call at hand; written before its ticket, read after a claim of it.
  Task task_ = nullptr;
  const void* job_ = nullptr;
  size_t each_ = 1, parts_ = 0;

  alignas(64) std::atomic<uint64_t> ticket_{0};
  alignas(64) std::atomic<size_t> done_{0};
  alignas(64) std::atomic<uint64_t> claims_[MOST_PARTS] = {};

  std::mutex sleep_;
  std::condition_variable wake_;
  std::atomic<size_t> sleepers_{0};
};

/** Never destroyed: its threads may be at work while the process exits. */
Pool& pool() {
  static Pool* const instance = [] {
    Pool* made = new Pool();
#if !defined(_WIN32)
    pthread_atfork(nullptr, nullptr, [] { pool().forget(); });
#endif
    return made;
  }();
  return *instance;
}

}  // namespace

void run(size_t threads, size_t parts, Task task, const void* job) { pool().run(threads, parts, task, job); }
void hold() { pool().hold(); }
void release() { pool().release(); }

}  // namespace pool
}  // namespace bn
