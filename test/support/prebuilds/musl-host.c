/* What Node.js does first with an addon, in a program of musl's: opens it and asks for its version of Node-API. */
#include <dlfcn.h>
#include <stdio.h>

/* The functions of Node-API that the addon asks for: musl wants them all to be there when it opens a file. */
#define STUB(name) \
  void name(void) {}
#include "stubs.h"

int main(int count, char** arguments) {
  void* addon = count == 2 ? dlopen(arguments[1], RTLD_LAZY | RTLD_LOCAL) : NULL;
  int (*version)(void) = addon == NULL ? NULL : (int (*)(void))dlsym(addon, "node_api_module_get_api_version_v1");
  if (version == NULL) {
    fprintf(stderr, "%s\n", count == 2 ? dlerror() : "usage: musl-host FILE");
    return 1;
  }
  printf("%d\n", version());
  return 0;
}
