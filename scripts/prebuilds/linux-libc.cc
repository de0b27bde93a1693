// Functions that glibc and musl name differently, so that one file serves both.
#include <sys/auxv.h>

#define BN_HIDDEN __attribute__((visibility("hidden")))

using Handler = void (*)();

extern "C" {
extern BN_HIDDEN void* __dso_handle;

/** A function of glibc alone, whose pthread_atfork is linked statically and calls it. */
__attribute__((weak)) int __register_atfork(Handler prepare, Handler parent, Handler child, void* module);

/** musl's pthread_atfork: the linker's --wrap calls it so. */
__attribute__((weak)) int __real_pthread_atfork(Handler prepare, Handler parent, Handler child);

/** The function that is called instead of pthread_atfork. */
BN_HIDDEN int __wrap_pthread_atfork(Handler prepare, Handler parent, Handler child) {
  if (__register_atfork != nullptr) return __register_atfork(prepare, parent, child, __dso_handle);
  return __real_pthread_atfork(prepare, parent, child);
}

#if defined(__aarch64__)
/** glibc's name of getauxval, by which libgcc asks what the processor can do. */
BN_HIDDEN unsigned long __getauxval(unsigned long type) { return getauxval(type); }
#endif
}
