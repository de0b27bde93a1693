// Coefficients of inference: while the statistics and parameters of a layer do not change, they are computed once. They
// are found by comparing all values that they were computed from, so that they are never stale, whoever writes where.
#pragma once
#include <cstring>

#include "../kernels.h"
#include "memory.h"

namespace bn {

/** The coefficients of the layers that were last used in one environment. */
class CoefficientCache {
 public:
  CoefficientCache() = default;
  CoefficientCache(const CoefficientCache&) = delete;
  CoefficientCache& operator=(const CoefficientCache&) = delete;
  ~CoefficientCache() { forget(); }

  /**
   * Memory for the coefficients of this layer, valid until the next call. If they are not `known`, the caller must
   * fill them in, come what may. Where there is no memory, it is null, and they are computed for this call alone.
   */
  template <class T>
  CachedCoefficients find(const Affine<T>& affine, size_t c) {
    size_t bytes = 0, entries = 0;
    for (Entry** link = &newest_; *link != nullptr; link = &(*link)->older) {
      Entry* const entry = *link;
      if (isOf(*entry, affine, c)) {
        *link = entry->older;
        return {coefficientsOf(*putFirst(entry)), true};
      }
      bytes += entry->bytes;
      if (++entries == MAX_ENTRIES || bytes > MAX_BYTES) {
        forgetFrom(&entry->older);
        break;
      }
    }
    Entry* const added = make(affine, c);
    return {added == nullptr ? nullptr : coefficientsOf(*putFirst(added)), false};
  }
  void forget() { forgetFrom(&newest_); }

 private:
  static constexpr size_t MAX_BYTES = 4 * 1024 * 1024, MAX_ENTRIES = 4096;

  /** The head of an entry. Behind it lie mean, variance, gamma and beta if there are, and then the coefficients. */
  struct Entry {
    Entry* older;
    size_t bytes, keyBytes, c, width;
    double epsilon;
    bool hasGamma, hasBeta;

    unsigned char* values() { return reinterpret_cast<unsigned char*>(this + 1); }
  };

  static void* coefficientsOf(Entry& entry) { return entry.values() + entry.keyBytes; }

  Entry* putFirst(Entry* entry) {
    entry->older = newest_;
    return newest_ = entry;
  }

  static void forgetFrom(Entry** link) {
    while (*link != nullptr) {
      Entry* const entry = *link;
      *link = entry->older;
      memory::release(entry);
    }
  }

  /** Calls body(values, bytes) for each array of the layer until one returns false. Returns whether none did. */
  template <class T, class Body>
  static bool everyArray(const Affine<T>& affine, size_t c, const Body& body) {
    return body(affine.mean, c * sizeof(double)) && body(affine.variance, c * sizeof(double)) &&
           (affine.gamma == nullptr || body(affine.gamma, c * sizeof(T))) &&
           (affine.beta == nullptr || body(affine.beta, c * sizeof(T)));
  }

  template <class T>
  static bool isOf(Entry& entry, const Affine<T>& affine, size_t c) {
    if (entry.width != sizeof(T) || entry.c != c) return false;
    if (entry.hasGamma != (affine.gamma != nullptr) || entry.hasBeta != (affine.beta != nullptr)) return false;
    if (std::memcmp(&entry.epsilon, &affine.epsilon, sizeof(double)) != 0) return false;
    const unsigned char* at = entry.values();
    return everyArray(affine, c, [&](const void* values, size_t bytes) {
      const bool equal = std::memcmp(at, values, bytes) == 0;
      at += bytes;
      return equal;
    });
  }

  template <class T>
  static Entry* make(const Affine<T>& affine, size_t c) {
    size_t keyBytes = 0;
    everyArray(affine, c, [&](const void*, size_t bytes) { return (keyBytes += bytes) > 0; });
    const size_t bytes = sizeof(Entry) + keyBytes + CACHED_COEFFICIENTS * c * sizeof(T);
    void* const place = memory::allocate(bytes);
    if (place == nullptr) return nullptr;
    Entry* const entry = new (place)
        Entry{nullptr, bytes, keyBytes, c, sizeof(T), affine.epsilon, affine.gamma != nullptr, affine.beta != nullptr};
    unsigned char* to = entry->values();
    everyArray(affine, c, [&](const void* values, size_t size) {
      std::memcpy(to, values, size);
      to += size;
      return true;
    });
    return entry;
  }

  Entry* newest_ = nullptr;
};

}  // namespace bn
