// Included before every file of the addons that are built beforehand for Linux: by the versions that these functions
// have had from the beginning, the addon loads in older systems than the one where it is built. glibc 2.34 moved them
// from libpthread into libc, as they were, with a new version.
#if defined(__x86_64__)
#define BN_GLIBC_FIRST "GLIBC_2.2.5"
#else
#define BN_GLIBC_FIRST "GLIBC_2.17"
#endif
__asm__(".symver pthread_create, pthread_create@" BN_GLIBC_FIRST);
__asm__(".symver pthread_join, pthread_join@" BN_GLIBC_FIRST);
__asm__(".symver pthread_attr_setstacksize, pthread_attr_setstacksize@" BN_GLIBC_FIRST);
