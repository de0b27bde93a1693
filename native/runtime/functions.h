// The functions that `load` of the addon gives: each kernel, called with the arguments of JavaScript laid out flat.
#pragma once
#include <napi.h>

#include <cstddef>

namespace bn {

struct Function {
  const char* name;
  /** Its data is the `Loaded` whose kernel is called. */
  napi_callback call;
};

struct Functions {
  const Function* first;
  size_t count;

  const Function* begin() const { return first; }
  const Function* end() const { return first + count; }
};

/** Those of all kernels, by the names of src/backends/native/table.ts. */
Functions functions();

}  // namespace bn
