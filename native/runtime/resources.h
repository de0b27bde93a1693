// Reads the resources that load() is given, each checked before any kernel divides by it.
#pragma once
#include <algorithm>

#include "arguments.h"
#include "default_resources.h"
#include "pool.h"

namespace bn {

/** Whether the object itself has object[name], and what it is. False where an error is thrown. */
inline bool readOwn(napi_env env, napi_value object, const char* name, bool& isOwn, napi_value& value) {
  napi_value key;
  if (napi_create_string_utf8(env, name, NAPI_AUTO_LENGTH, &key) != napi_ok) return false;
  if (napi_has_own_property(env, object, key, &isOwn) != napi_ok) return false;
  return !isOwn || napi_get_property(env, object, key, &value) == napi_ok;
}

/** Reads object[name], if the object has it, as a positive integer. False where an error is thrown. */
inline bool readResource(napi_env env, napi_value object, const char* name, size_t& into) {
  napi_value value;
  bool isOwn = false;
  if (!readOwn(env, object, name, isOwn, value)) return false;
  if (!isOwn) return true;
  double number;
  if (napi_get_value_double(env, value, &number) != napi_ok) {
    throwError(env, ErrorKind::TYPE, "load: \"%s\" expected a number, got something else", name);
    return false;
  }
  constexpr double MAX_INTEGER = 9007199254740991.0;
  if (!(number >= 1 && number <= MAX_INTEGER) || number != static_cast<double>(static_cast<size_t>(number))) {
    throwError(env, ErrorKind::RANGE, "load: \"%s\" expected an integer of 1 to 2^53 - 1, got %g", name, number);
    return false;
  }
  into = static_cast<size_t>(number);
  return true;
}

/** Reads object[name], if the object has it, as a boolean: what is false already stays so. False where an error is
 * thrown. */
inline bool readPermission(napi_env env, napi_value object, const char* name, bool& into) {
  napi_value value;
  bool isOwn = false, isAllowed = true;
  if (!readOwn(env, object, name, isOwn, value)) return false;
  if (!isOwn) return true;
  if (napi_get_value_bool(env, value, &isAllowed) != napi_ok) {
    throwError(env, ErrorKind::TYPE, "load: \"%s\" expected a boolean, got something else", name);
    return false;
  }
  into = into && isAllowed;
  return true;
}

/** Reads load's second argument, undefined or an object, over what `into` has. False where an error is thrown. */
inline bool readResources(napi_env env, napi_value given, Resources& into) {
  napi_valuetype type = napi_undefined;
  napi_typeof(env, given, &type);
  if (type == napi_undefined) return true;
  if (type != napi_object) {
    throwError(env, ErrorKind::TYPE, "load: expected an object of numbers, got something else");
    return false;
  }
  const bool isRead =
      readResource(env, given, "threads", into.threads) && readResource(env, given, "threadBytes", into.threadBytes) &&
      readResource(env, given, "tileBytes", into.tileBytes) &&
      readResource(env, given, "sharedBytes", into.sharedBytes) &&
      readResource(env, given, "streamBytes", into.streamBytes) && readPermission(env, given, "ifma", into.ifma);
  into.threads = std::min(into.threads, pool::MAX_THREADS);  // more there never are, and products stay small
  return isRead;
}

}  // namespace bn
