#include "machine.h"

#include <algorithm>

#if defined(_WIN32)
#include <windows.h>

#include <vector>
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
  DWORD bytes = 0;
  GetLogicalProcessorInformation(nullptr, &bytes);
  std::vector<SYSTEM_LOGICAL_PROCESSOR_INFORMATION> list(bytes / sizeof(SYSTEM_LOGICAL_PROCESSOR_INFORMATION));
  if (!GetLogicalProcessorInformation(list.data(), &bytes)) return found;
  for (const auto& item : list) {
    if (item.Relationship != RelationCache || item.Cache.Type == CacheInstruction) continue;
    size_t& level = item.Cache.Level == 2 ? found.own : found.last;
    if (item.Cache.Level >= 2) level = std::max<size_t>(level, item.Cache.Size);
  }
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

/** In /sys, not by sysconf: glibc's answer for the last level of AMD processors is that of all core complexes together.
 */
Caches detect() {
  Caches found{};
  for (int index = 0; index < 8; ++index) {
    char path[80], unit = 'K';
    int level = 0;
    size_t size = 0;
    const auto read = [&](const char* what, const char* format, auto... into) {
      std::snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/%s", index, what);
      std::FILE* file = std::fopen(path, "r");
      if (file == nullptr) return;
      if (std::fscanf(file, format, into...) < 1) size = 0;
      std::fclose(file);
    };
    read("level", "%d", &level);
    read("size", "%zu%c", &size, &unit);
    size *= unit == 'M' ? 1024 * 1024 : 1024;
    if (level == 2) found.own = size;
    if (level >= 3) found.last = std::max(found.last, size);
  }
  return found;
}

#endif

/** What the system does not tell is taken as on most machines of the last ten years. */
Caches complete(Caches found) {
  const size_t own = found.own > 0 ? found.own : 512 * 1024;
  return {own, std::max(found.last > 0 ? found.last : 8 * 1024 * 1024, own)};
}

}  // namespace

const Caches& caches() {
  static const Caches found = complete(detect());
  return found;
}

}  // namespace bn
