// Refuses memory, for tests of shortages. Only builds with BN_FAIL_ALLOCATION have it.
#pragma once
#include <napi.h>

#include "instance.h"

namespace bn {

/**
 * refuse(n, all): refuses the request for memory or a thread that comes after n others, or that one and all after it.
 * Forgets what was kept, so that the next call asks for all that it needs. Answers how many requests there were since.
 */
inline napi_value refuse(napi_env env, napi_callback_info info) {
  static std::atomic<long long> granted{memory::NEVER};
  size_t count = 2;
  napi_value given[2], answer;
  double after = 0;
  bool all = false;
  napi_get_cb_info(env, info, &count, given, nullptr, nullptr);
  napi_get_value_double(env, given[0], &after);
  napi_get_value_bool(env, given[1], &all);
  napi_create_double(env, static_cast<double>(granted - memory::left), &answer);
  Instance& instance = *Napi::Env(env).GetInstanceData<Instance>();
  instance.scratch.forget();
  instance.coefficientCache.forget();
  pool::release();
  pool::hold();
  memory::refusesAll = all;
  granted = memory::left = static_cast<long long>(after);
  return answer;
}

}  // namespace bn
