// Reads the arguments of a kernel call. The facade has validated them; this checks once more what memory safety needs,
// so that the addon throws, and never reads or writes where it should not, whatever it is called with. Raw Node-API: a
// call has up to eight arrays, and node-addon-api's objects would cost as much as the smallest kernels.
#pragma once
#include <node_api.h>

#include <string>

#include "kernels.h"

namespace bn {

/** What is thrown to JavaScript. */
struct ArgumentError {
  bool isTypeError;
  std::string message;
};

/** Arguments in the order of the call; the last four are the bytes of an element, n, c and s. */
class Arguments {
 public:
  Arguments(napi_env env, napi_callback_info info, size_t count) : env_(env) {
    size_t given = MOST;
    if (napi_get_cb_info(env, info, &given, values_, nullptr, &data_) != napi_ok || given != count) {
      throw ArgumentError{
          true, "batchnorm: native: expected " + std::to_string(count) + " arguments, got " + std::to_string(given)};
    }
    at_ = count - 4;
    const double bytes = number();
    if (bytes != 4 && bytes != 8) fail(false, "an element size of 4 or 8", std::to_string(bytes), -1);
    isDouble_ = bytes == 8;
    view_ = {extent(), extent(), extent()};
    if (static_cast<double>(view_.n) * static_cast<double>(view_.c) * static_cast<double>(view_.s) > MAX_LENGTH) {
      fail(false, "n·c·s of at most 2^53", "more");
    }
    at_ = 0;
  }

  const View& view() const { return view_; }
  /** What the function was made with. */
  void* data() const { return data_; }

  /** Whether tensors are of float64: the argument before the extents says 4 or 8, the bytes of an element. */
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
    return isNull() ? nullptr : channels<T>();
  }
  double number() {
    double value;
    if (napi_get_value_double(env_, values_[at_], &value) != napi_ok) fail(true, "a number", "something else");
    ++at_;
    return value;
  }
  bool boolean() {
    bool value;
    if (napi_get_value_bool(env_, values_[at_], &value) != napi_ok) fail(true, "a boolean", "something else");
    ++at_;
    return value;
  }
  /** 0, 1, or [slope, low, high]. */
  Activation activation() {
    double code;
    if (napi_get_value_double(env_, values_[at_], &code) != napi_ok) {
      const double* lines = array<double>(3);
      return {Activation::THREE_LINES, lines[0], lines[1], lines[2]};
    }
    ++at_;
    if (code != 0 && code != 1) fail(false, "an activation code of 0 or 1", "another", -1);
    return {code == 1 ? Activation::RELU : Activation::NONE, 0, 0, 0};
  }

 private:
  static constexpr double MAX_LENGTH = 9007199254740992.0;
  static constexpr size_t MOST = 18;

  size_t extent() {
    const double value = number();
    if (!(value >= 1 && value <= MAX_LENGTH) || value != static_cast<double>(static_cast<size_t>(value))) {
      fail(false, "an integer of at least 1", std::to_string(value), -1);
    }
    return static_cast<size_t>(value);
  }

  /** Passes over a null. */
  bool isNull() {
    napi_valuetype type = napi_undefined;
    napi_typeof(env_, values_[at_], &type);
    if (type == napi_null) ++at_;
    return type == napi_null;
  }

  template <class T>
  T* array(size_t length) {
    const char* name = sizeof(T) == 4 ? "a Float32Array" : "a Float64Array";
    napi_typedarray_type type;
    size_t actual;
    void* data;
    if (napi_get_typedarray_info(env_, values_[at_], &type, &actual, &data, nullptr, nullptr) != napi_ok) {
      fail(true, name, "something else");
    }
    if (type != (sizeof(T) == 4 ? napi_float32_array : napi_float64_array)) fail(true, name, "another typed array");
    if (actual != length) {
      fail(false, std::string(name) + " of length " + std::to_string(length), "length " + std::to_string(actual));
    }
    ++at_;
    return static_cast<T*>(data);
  }

  [[noreturn]] void fail(bool isTypeError, const std::string& expected, const std::string& got, int back = 0) const {
    throw ArgumentError{isTypeError, "batchnorm: native: argument " + std::to_string(static_cast<int>(at_) + back) +
                                         " expected " + expected + ", got " + got};
  }

  napi_env env_;
  napi_value values_[MOST];
  void* data_ = nullptr;
  size_t at_ = 0;
  bool isDouble_ = false;
  View view_{};
};

}  // namespace bn
