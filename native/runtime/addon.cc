// What the addon exports: the instruction sets, and the functions of one of them.
#include <napi.h>

#include <cstring>

#include "cpu.h"
#include "dispatch.h"
#include "functions.h"
#include "instance.h"
#include "resources.h"

#if defined(BN_FAIL_ALLOCATION)
#include "refuse.h"
#endif

namespace bn {
namespace {

/** Whether a call of Node-API succeeded. If it did not, this throws, unless the user's code has thrown already. */
bool isDone(napi_env env, napi_status status) {
  bool isThrown = false;
  if (status != napi_ok && napi_is_exception_pending(env, &isThrown) == napi_ok && !isThrown) {
    throwError(env, ErrorKind::RANGE, "Node-API gave the status %d", static_cast<int>(status));
  }
  return status == napi_ok;
}

/** isas(): the names of the instruction sets that run here, best first. */
napi_value isas(napi_env env, napi_callback_info) {
  napi_value names;
  if (!isDone(env, napi_create_array(env, &names))) return nullptr;
  uint32_t index = 0;
  for (const Kernels* kernels : runnable()) {
    napi_value name;
    if (!isDone(env, napi_create_string_utf8(env, kernels->isa, NAPI_AUTO_LENGTH, &name))) return nullptr;
    if (!isDone(env, napi_set_element(env, names, index++, name))) return nullptr;
  }
  return names;
}

/** Sets object[name] to a function that is given `data`. False where an error is thrown. */
bool define(napi_env env, napi_value object, const char* name, napi_callback function, void* data = nullptr) {
  napi_value value;
  return isDone(env, napi_create_function(env, name, NAPI_AUTO_LENGTH, function, data, &value)) &&
         isDone(env, napi_set_named_property(env, object, name, value));
}

/** The kernels that the string `isa` names, or null. */
const Kernels* kernelsNamed(napi_env env, napi_value isa) {
  char name[16];
  size_t length = 0;
  if (napi_get_value_string_utf8(env, isa, name, sizeof name, &length) != napi_ok) return nullptr;
  return std::strlen(name) == length ? find(name) : nullptr;
}

/**
 * load(isa, { threads, threadBytes, tileBytes, sharedBytes, streamBytes }): the kernels of one instruction set, as an
 * object of functions. All but the threads are for tests and measurements: kernels.h, Resources.
 */
napi_value load(napi_env env, napi_callback_info info) {
  size_t count = 2;
  napi_value given[2];
  if (!isDone(env, napi_get_cb_info(env, info, &count, given, nullptr, nullptr))) return nullptr;
  const Kernels* kernels = kernelsNamed(env, given[0]);
  if (kernels == nullptr) {
    throwError(env, ErrorKind::RANGE, "load: expected a name from isas()");
    return nullptr;
  }
  Instance& instance = *Napi::Env(env).GetInstanceData<Instance>();
  Resources resources = resourcesOf(instance.caches, cpu().ifma);
  if (!readResources(env, given[1], resources)) return nullptr;
  Loaded* const loaded =
      memory::make<Loaded>(*kernels, resources, instance.scratch, instance.coefficientCache, instance.loaded);
  if (loaded == nullptr) {
    throwError(env, ErrorKind::RANGE, "load: no memory for %zu bytes", sizeof(Loaded));
    return nullptr;
  }
  instance.loaded = loaded;

  napi_value table;
  if (!isDone(env, napi_create_object(env, &table))) return nullptr;
  for (const Function& function : functions()) {
    if (!define(env, table, function.name, function.call, loaded)) return nullptr;
  }
  return table;
}

void finalize(Napi::Env, Instance* instance) { memory::destroy(instance); }

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  Instance* const instance = memory::make<Instance>();
  if (instance == nullptr) {
    throwError(env, ErrorKind::RANGE, "no memory for %zu bytes", sizeof(Instance));
    return exports;
  }
  env.SetInstanceData<Instance, finalize>(instance);
#if defined(BN_FAIL_ALLOCATION)
  define(env, exports, "refuse", refuse);
#endif
  define(env, exports, "isas", isas) && define(env, exports, "load", load);
  return exports;
}

}  // namespace
}  // namespace bn

static Napi::Object Initialize(Napi::Env env, Napi::Object exports) { return bn::initialize(env, exports); }

NODE_API_MODULE(batchnorm, Initialize)
