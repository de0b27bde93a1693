// Reads the arguments of a kernel call. The facade has validated them; this checks once more what memory safety needs,
// so that the addon throws, and never reads or writes where it should not, whatever it is called with.
#pragma once
#include <napi.h>

#include <string>

#include "kernels.h"

namespace bn {

/** Arguments in the order of the call; the last three are n, c and s. */
class Arguments {
 public:
  Arguments(const Napi::CallbackInfo& info, size_t count) : info_(info) {
    if (info.Length() != count) {
      fail<Napi::TypeError>(std::to_string(count) + " arguments", std::to_string(info.Length()));
    }
    at_ = count - 3;
    view_ = {extent(), extent(), extent()};
    if (static_cast<double>(view_.n) * static_cast<double>(view_.c) * static_cast<double>(view_.s) > MAX_LENGTH) {
      fail<Napi::RangeError>("n·c·s of at most 2^53", "more");
    }
    at_ = 0;
  }

  const View& view() const { return view_; }

  /** A typed array of n·c·s elements. */
  template <class T>
  T* tensor() {
    return array<T>(view_.n * view_.c * view_.s, false);
  }
  template <class T>
  T* optionalTensor() {
    return array<T>(view_.n * view_.c * view_.s, true);
  }
  /** A typed array of c elements. */
  template <class T>
  T* channels() {
    return array<T>(view_.c, false);
  }
  template <class T>
  T* optionalChannels() {
    return array<T>(view_.c, true);
  }
  double number() {
    const Napi::Value value = info_[at_];
    if (!value.IsNumber()) fail<Napi::TypeError>("a number", "something else");
    ++at_;
    return value.As<Napi::Number>().DoubleValue();
  }
  bool boolean() {
    const Napi::Value value = info_[at_];
    if (!value.IsBoolean()) fail<Napi::TypeError>("a boolean", "something else");
    ++at_;
    return value.As<Napi::Boolean>().Value();
  }
  Activation activation() {
    const double code = number();
    if (code != 0 && code != 1) fail<Napi::RangeError>("an activation code of 0 or 1", "another", -1);
    return code == 1 ? Activation::relu : Activation::none;
  }

 private:
  static constexpr double MAX_LENGTH = 9007199254740992.0;

  size_t extent() {
    const double value = number();
    if (!(value >= 1 && value <= MAX_LENGTH) || value != static_cast<double>(static_cast<size_t>(value))) {
      fail<Napi::RangeError>("an integer of at least 1", std::to_string(value), -1);
    }
    return static_cast<size_t>(value);
  }

  template <class T>
  T* array(size_t length, bool optional) {
    const Napi::Value value = info_[at_];
    if (optional && value.IsNull()) {
      ++at_;
      return nullptr;
    }
    const napi_typedarray_type wanted = sizeof(T) == 4 ? napi_float32_array : napi_float64_array;
    const char* name = sizeof(T) == 4 ? "a Float32Array" : "a Float64Array";
    if (!value.IsTypedArray()) fail<Napi::TypeError>(name, "something else");
    napi_typedarray_type type;
    size_t actual;
    void* data;
    if (napi_get_typedarray_info(info_.Env(), value, &type, &actual, &data, nullptr, nullptr) != napi_ok ||
        type != wanted) {
      fail<Napi::TypeError>(name, "another typed array");
    }
    if (actual != length) {
      fail<Napi::RangeError>(std::string(name) + " of length " + std::to_string(length),
                             "length " + std::to_string(actual));
    }
    ++at_;
    return static_cast<T*>(data);
  }

  template <class Error>
  [[noreturn]] void fail(const std::string& expected, const std::string& got, int back = 0) const {
    throw Error::New(info_.Env(), "batchnorm: native: argument " + std::to_string(static_cast<int>(at_) + back) +
                                      " expected " + expected + ", got " + got);
  }

  const Napi::CallbackInfo& info_;
  size_t at_ = 0;
  View view_{};
};

}  // namespace bn
