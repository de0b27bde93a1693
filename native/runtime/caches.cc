#include "caches.h"

#include <algorithm>

#if defined(_WIN32)
#include <windows.h>

#include "memory.h"
#elif defined(__APPLE__)
#include <sys/sysctl.h>
#else
#include <cstdio>
#endif

namespace bn {
namespace {

#if defined(_WIN32)

Caches detect() {
  Caches found{};
  using Item = SYSTEM_LOGICAL_PROCESSOR_INFORMATION;
  DWORD bytes = 0;
  GetLogicalProcessorInformation(nullptr, &bytes);
  Item* const items = static_cast<Item*>(memory::allocate(bytes));
  const bool isTold = items != nullptr && GetLogicalProcessorInformation(items, &bytes);
  for (size_t i = 0; isTold && i < bytes / sizeof(Item); ++i) {
    const Item& item = items[i];
    if (item.Relationship != RelationCache || item.Cache.Type == CacheInstruction) continue;
    size_t& level = item.Cache.Level == 2 ? found.own : found.last;
    if (item.Cache.Level >= 2) level = std::max<size_t>(level, item.Cache.Size);
  }
  memory::release(items);
  return found;
}

#elif defined(__APPLE__)

size_t ask(const char* name) {
  size_t value = 0, size = sizeof value;
  return sysctlbyname(name, &value, &size, nullptr, 0) == 0 ? value : 0;
}

/** Apple's own processors have no third level that the system tells of: the second is shared by a cluster. */
Caches detect() {
  const size_t second = std::max(ask("hw.perflevel0.l2cachesize"), ask("hw.l2cachesize"));
  return {second / std::max<size_t>(ask("hw.perflevel0.cpusperl2"), 1), std::max(ask("hw.l3cachesize"), second)};
}

#else

/** The number that a file in /sys begins with, times 2^10 or 2^20 where K or M follows; 0 where there is none. */
size_t numberOf(int index, const char* what) {
  char path[80], text[16] = "";
  std::snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/%s", index, what);
  std::FILE* file = std::fopen(path, "r");
  if (file == nullptr) return 0;
  const size_t length = std::fread(text, 1, sizeof text - 1, file);
  std::fclose(file);
  size_t number = 0, at = 0;
  for (; at < length && text[at] >= '0' && text[at] <= '9'; ++at) {
    number = 10 * number + static_cast<size_t>(text[at] - '0');
  }
  return number * (text[at] == 'K' ? 1024 : text[at] == 'M' ? 1024 * 1024 : 1);
}

/** Asks /sys and not sysconf: for AMD processors, glibc adds up the last caches of all core complexes. */
Caches detect() {
  Caches found{};
  for (int index = 0; index < 8; ++index) {
    const size_t level = numberOf(index, "level"), size = numberOf(index, "size");
    if (level == 2) found.own = size;
    if (level >= 3) found.last = std::max(found.last, size);
  }
  return found;
}

#endif

/** Fills in sizes that the system does not tell: those of most machines of the last ten years. */
Caches complete(Caches found) {
  const size_t own = found.own > 0 ? found.own : 512 * 1024;
  return {own, std::max(found.last > 0 ? found.last : 8 * 1024 * 1024, own)};
}

}  // namespace

Caches cachesOfMachine() { return complete(detect()); }

}  // namespace bn
