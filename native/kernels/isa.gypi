# The kernels of each instruction set are a static library of its own. This is what these libraries share.
{
  'type': 'static_library',
  'sources': [
    'row_sums.cc', 'normalize.cc', 'backward.cc', 'conversion.cc', 'table.cc', 'exact.cc', 'exact-results.cc',
  ],
  'cflags!': ['-O3'],
  # Nothing is thrown, so that nobody unwinds.
  # GCC fuses a·b+c by itself where the instruction set has it, also without fast-math: then bits differ.
  # errno and traps are not looked at, and would keep loops with a root or a choice from becoming vectors.
  'cflags': [
    '-O2', '-ftree-vectorize', '<!@(node native/kernels/cost-model.js)',
    '-ffp-contract=off', '-fno-math-errno', '-fno-trapping-math',
    '-fPIC', '-fno-asynchronous-unwind-tables', '-fno-unwind-tables', '-Wall', '-Wextra', '-Wno-unused-function',
  ],
  'cflags_cc': ['-std=c++17', '-fno-exceptions', '-fno-rtti', '-fvisibility=hidden'],
  'xcode_settings': {
    'GCC_OPTIMIZATION_LEVEL': '2',
    'CLANG_CXX_LANGUAGE_STANDARD': 'c++17',
    'OTHER_CFLAGS': ['-ffp-contract=off', '-fno-math-errno', '-fno-trapping-math'],
    'MACOSX_DEPLOYMENT_TARGET': '11.0',
  },
  'msvs_settings': {'VCCLCompilerTool': {'AdditionalOptions': ['/std:c++17', '/fp:precise']}},
}
