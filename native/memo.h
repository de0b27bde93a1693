// Inference with statistics and parameters that do not change: the coefficients of a layer are computed once. What was
// computed is found by comparing all values that it was computed from, so that it is never stale, whoever writes where.
#pragma once
#include <cstdint>
#include <cstring>
#include <list>
#include <vector>

#include "kernels.h"

namespace bn {

/** Coefficients of the layers that were last used in one environment. */
class Memos {
 public:
  /** Memory for the coefficients of this layer: `known` if they are there already. Valid until the next call. */
  template <class T>
  Memo find(const Affine<T>& affine, size_t c) {
    key_.clear();
    append(&affine.epsilon, 1);
    append(affine.mean, c);
    append(affine.variance, c);
    appendOptional(affine.gamma, c);
    appendOptional(affine.beta, c);
    for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
      if (entry->width != sizeof(T) || entry->key != key_) continue;
      entries_.splice(entries_.begin(), entries_, entry);
      return {entry->coefficients.data(), true};
    }
    return {add(sizeof(T), c).coefficients.data(), false};
  }

 private:
  static constexpr size_t MOST_BYTES = 4 * 1024 * 1024;

  struct Entry {
    size_t width;
    std::vector<unsigned char> key;
    std::vector<double> coefficients;

    size_t bytes() const { return key.size() + coefficients.size() * sizeof(double); }
  };

  template <class V>
  void append(const V* values, size_t count) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(values);
    key_.insert(key_.end(), bytes, bytes + count * sizeof(V));
  }
  template <class V>
  void appendOptional(const V* values, size_t count) {
    key_.push_back(values != nullptr);
    if (values != nullptr) append(values, count);
  }

  Entry& add(size_t width, size_t c) {
    entries_.push_front({width, key_, std::vector<double>(MEMO_ARRAYS * c)});
    bytes_ += entries_.front().bytes();
    while (bytes_ > MOST_BYTES && entries_.size() > 1) {
      bytes_ -= entries_.back().bytes();
      entries_.pop_back();
    }
    return entries_.front();
  }

  std::list<Entry> entries_;  // the last used first
  std::vector<unsigned char> key_;
  size_t bytes_ = 0;
};

}  // namespace bn
