// Reads the arguments of a kernel call. The facade has validated them; this checks once more what memory safety needs,
// so that the addon throws, and never reads or writes where it should not, whatever it is called with. Raw Node-API: a
// call has up to eight arrays, and node-addon-api's objects would cost as much as the smallest kernels.
#pragma once
#include <node_api.h>

#include <cstdarg>
#include <cstdio>
#include <cstring>

#include "../kernels.h"

namespace bn {

enum class ErrorKind { TYPE, RANGE };

/** Throws to JavaScript when the function that it called returns. The values are as for printf. */
inline void throwError(napi_env env, ErrorKind kind, const char* format, ...) {
  char text[512] = "batchnorm: native: ";  // a double has at most 317 characters
  const size_t begin = std::strlen(text);
  va_list values;
  va_start(values, format);
  std::vsnprintf(text + begin, sizeof text - begin, format, values);
  va_end(values);
  (kind == ErrorKind::TYPE ? napi_throw_type_error : napi_throw_range_error)(env, nullptr, text);
}

/**
 * Arguments in the order of the call; the last four are the bytes of an element, n, c and s. The first that is wrong is
 * thrown; what is read from then on is nothing, and not to be used.
 */
class Arguments {
 public:
  /** `half`: elements of tensors have 16 bits; otherwise they are float32 or float64. */
  Arguments(napi_env env, napi_callback_info info, size_t count, bool half) : env_(env) {
    size_t given = MAX_ARGUMENTS;
    if (napi_get_cb_info(env, info, &given, values_, nullptr, &data_) != napi_ok || given != count) {
      fail(ErrorKind::TYPE, "expected %zu arguments, got %zu", count, given);
      return;
    }
    at_ = count - 4;
    const double bytes = number();
    if (half && bytes != 2) failValue(at_ - 1, "an element size of 2", bytes);
    if (!half && bytes != 4 && bytes != 8) failValue(at_ - 1, "an element size of 4 or 8", bytes);
    isDouble_ = bytes == 8;
    view_ = {extent(), extent(), extent()};
    if (static_cast<double>(view_.n) * static_cast<double>(view_.c) * static_cast<double>(view_.s) > MAX_LENGTH) {
      failAt(at_, ErrorKind::RANGE, "n·c·s of at most 2^53", "more");
    }
    at_ = 0;
  }

  /** Whether all arguments that were read so far are good. */
  bool areGood() const { return good_; }
  const View& view() const { return view_; }
  /** The data that the function was made with. */
  void* data() const { return data_; }

  /** Whether tensors are of float64. The argument before the extents says so: 2, 4 or 8, the bytes of an element. */
  bool isDouble() const { return isDouble_; }

  /** A typed array of n·c·s elements. */
  template <class T>
  T* tensor() {
    return array<T>(view_.n * view_.c * view_.s);
  }
  template <class T>
  T* optionalTensor() {
    return isNull() ? nullptr : tensor<T>();
  }
  /** A typed array of c elements. */
  template <class T>
  T* channels() {
    return array<T>(view_.c);
  }
  template <class T>
  T* optionalChannels() {
    return optional<T>(view_.c);
  }
  /** A typed array of `length` elements, or null. */
  template <class T>
  T* optional(size_t length) {
    return isNull() ? nullptr : array<T>(length);
  }
  /** Positions of the tensor in an Int32Array or a Float64Array of any length, or null for all of them. */
  Positions positions() {
    const size_t whole = view_.n * view_.s;
    if (!good_ || isNull()) return {nullptr, nullptr, whole};
    napi_typedarray_type type;
    size_t count;
    void* data;
    if (napi_get_typedarray_info(env_, values_[at_], &type, &count, &data, nullptr, nullptr) != napi_ok) {
      failNot("an Int32Array or a Float64Array");
      return {};
    }
    if (type != napi_int32_array && type != napi_float64_array) {
      failAt(at_, ErrorKind::TYPE, "an Int32Array or a Float64Array", "another typed array");
      return {};
    }
    const bool isNarrow = type == napi_int32_array;
    const Positions found{isNarrow ? static_cast<const int32_t*>(data) : nullptr,
                          isNarrow ? nullptr : static_cast<const double*>(data), count};
    const bool areBelow = isNarrow ? areInside(found.narrow, count, whole) : areInside(found.wide, count, whole);
    if (!areBelow) failAt(at_, ErrorKind::RANGE, "positions from 0 to n·s − 1", "another");
    ++at_;
    return found;
  }
  /** A typed array of the records of c channels. */
  double* records() { return array<double>(EXACT_RECORD * view_.c); }
  /** One count for all channels, or a typed array of c; `step` is the distance of two channels' counts. */
  const double* counts(double& one, size_t& step) {
    step = 0;
    if (good_ && napi_get_value_double(env_, values_[at_], &one) == napi_ok) return ++at_, &one;
    step = 1;
    return channels<double>();
  }
  double number() {
    double value = 0;
    if (good_ && napi_get_value_double(env_, values_[at_], &value) != napi_ok) failNot("a number");
    ++at_;
    return value;
  }
  bool boolean() {
    bool value = false;
    if (good_ && napi_get_value_bool(env_, values_[at_], &value) != napi_ok) failNot("a boolean");
    ++at_;
    return value;
  }
  /** An activation: 0 (none), 1 (relu), or a Float64Array of slope, low and high. */
  Activation activation() {
    double code = 0;
    if (good_ && napi_get_value_double(env_, values_[at_], &code) != napi_ok) {
      const double* lines = array<double>(3);
      return lines == nullptr ? Activation{} : Activation{Activation::THREE_LINES, lines[0], lines[1], lines[2]};
    }
    if (code != 0 && code != 1) failAt(at_, ErrorKind::RANGE, "an activation code of 0 or 1", "another");
    ++at_;
    return {code == 1 ? Activation::RELU : Activation::NONE, 0, 0, 0};
  }

  /** Throws to JavaScript, unless something was wrong before. The values are as for printf. */
  template <class... Values>
  void fail(ErrorKind kind, const char* format, Values... values) {
    if (good_) throwError(env_, kind, format, values...);
    good_ = false;
  }

 private:
  static constexpr double MAX_LENGTH = 9007199254740992.0;
  static constexpr size_t MAX_ARGUMENTS = 18;

  /** Whether all positions are from 0 to whole − 1. NaN is not. No branch, so that this becomes vectors. */
  template <class T>
  static bool areInside(const T* positions, size_t count, size_t whole) {
    bool inside = true;
    for (size_t row = 0; row < count; ++row) {
      inside &= positions[row] >= 0 && static_cast<double>(positions[row]) < static_cast<double>(whole);
    }
    return inside;
  }

  size_t extent() {
    const double value = number();
    const bool inRange = value >= 1 && value <= MAX_LENGTH;
    if (inRange && value == static_cast<double>(static_cast<size_t>(value))) return static_cast<size_t>(value);
    failValue(at_ - 1, "an integer of at least 1", value);
    return 0;
  }

  /** Whether the next argument is null, which is then passed over. */
  bool isNull() {
    napi_valuetype type = napi_undefined;
    if (good_) napi_typeof(env_, values_[at_], &type);
    if (type == napi_null) ++at_;
    return type == napi_null;
  }

  template <class T>
  T* array(size_t length) {
    if (!good_) return nullptr;
    const char* name = sizeof(T) == 2 ? "a Uint16Array" : sizeof(T) == 4 ? "a Float32Array" : "a Float64Array";
    const napi_typedarray_type wanted = sizeof(T) == 2   ? napi_uint16_array
                                        : sizeof(T) == 4 ? napi_float32_array
                                                         : napi_float64_array;
    napi_typedarray_type type;
    size_t actual;
    void* data;
    if (napi_get_typedarray_info(env_, values_[at_], &type, &actual, &data, nullptr, nullptr) != napi_ok) {
      return failNot(name), nullptr;
    }
    if (type != wanted) {
      return failAt(at_, ErrorKind::TYPE, name, "another typed array"), nullptr;
    }
    if (actual != length) {
      return fail(ErrorKind::RANGE, "argument %zu expected %s of length %zu, got length %zu", at_, name, length,
                  actual),
             nullptr;
    }
    ++at_;
    return static_cast<T*>(data);
  }

  void failNot(const char* expected) { failAt(at_, ErrorKind::TYPE, expected, "something else"); }
  void failAt(size_t at, ErrorKind kind, const char* expected, const char* got) {
    fail(kind, "argument %zu expected %s, got %s", at, expected, got);
  }
  void failValue(size_t at, const char* expected, double got) {
    fail(ErrorKind::RANGE, "argument %zu expected %s, got %f", at, expected, got);
  }

  napi_env env_;
  napi_value values_[MAX_ARGUMENTS];
  void* data_ = nullptr;
  size_t at_ = 0;
  bool good_ = true;
  bool isDouble_ = false;
  View view_{};
};

}  // namespace bn
