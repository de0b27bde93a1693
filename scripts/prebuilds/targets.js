// The prebuilt addons, a row for each target: the compiler, how it links, and what the result needs.

/**
 * The addon asks for C's library alone, so that Debian's GCC reaches old systems: of what it takes from glibc only the
 * names in glibc.h have newer versions. musl's loader takes libc.so.6 and libpthread.so.0 for itself and looks at no
 * versions, so that the same file serves there; linux-libc.cc has what it calls otherwise.
 */
const linux = {
  os: 'linux',
  flags: ['-include', 'scripts/prebuilds/glibc.h'],
  sources: ['scripts/prebuilds/linux-libc.cc'],
  link: [
    '-shared',
    '-nodefaultlibs',
    '-Wl,--gc-sections,--as-needed,--build-id=none,--wrap=pthread_atfork,-z,now,-z,noexecstack,-s',
    '-pthread',
  ],
  libraries: ['-lpthread', '-lc', '-lgcc'],
};

/**
 * Clang writes Mach-O, LLVM's linker signs what it has stripped ("ad hoc"), without which Apple silicon runs nothing.
 */
const darwin = (triple) => ({
  os: 'mac',
  compiler: 'clang++-19',
  flags: [`--target=${triple}`, '-nostdinc++', '-nostdlibinc'],
  headers: 'macos',
  link: [
    `--target=${triple}`,
    '-fuse-ld=lld',
    '-bundle',
    '-nostdlib',
    '-Wl,-undefined,dynamic_lookup,-dead_strip,-x,-S,-adhoc_codesign,-platform_version,macos,11.0,11.0',
  ],
  needs: 'macOS 11 or newer',
  packages: ['clang-19', 'lld-19'],
});

export const TARGETS = {
  'linux-x64': {
    ...linux,
    arch: 'x64',
    compiler: 'g++',
    serves: ['linux-x64', 'linux-x64-musl'],
    needs: 'glibc 2.17 or newer, or musl',
    packages: ['g++'],
  },
  'linux-arm64': {
    ...linux,
    arch: 'arm64',
    compiler: 'aarch64-linux-gnu-g++',
    serves: ['linux-arm64', 'linux-arm64-musl'],
    needs: 'glibc 2.17 or newer, or musl',
    packages: ['g++-aarch64-linux-gnu'],
  },
  'darwin-x64': { ...darwin('x86_64-apple-macos11'), arch: 'x64' },
  'darwin-arm64': { ...darwin('arm64-apple-macos11'), arch: 'arm64' },
  'win32-x64': {
    os: 'win',
    arch: 'x64',
    compiler: 'x86_64-w64-mingw32-g++-posix',
    flags: [],
    sources: ['scripts/prebuilds/windows-host.cc'],
    // The linker would write the time into the file, and an address made of the name of the folder: another hash each
    // time.
    link: ['-shared', '-static', '-s', '-Wl,--gc-sections,--no-insert-timestamp,--disable-auto-image-base'],
    host: 'x86_64-w64-mingw32-dlltool',
    libraries: ['-ldelayimp'],
    needs: 'Windows 10 or newer',
    packages: ['g++-mingw-w64-x86-64-posix'],
  },
};
