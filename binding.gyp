{
  'variables': {
    'node_addon_api': "<!(node -p \"require('node-addon-api').targets\"):node_addon_api",
  },
  'targets': [
    {
      'target_name': 'batchnorm',
      'sources': [
        'native/runtime/addon.cc',
        'native/runtime/functions.cc',
        'native/runtime/cpu.cc',
        'native/runtime/dispatch.cc',
        'native/runtime/caches.cc',
        'native/runtime/pool.cc',
      ],
      'dependencies': ['<(node_addon_api)'],
      # Nothing of C++'s library is wanted at run time, so that the addon loads wherever there is one of C.
      'cflags_cc': [
        '-std=c++17', '-fno-exceptions', '-fno-rtti', '-fvisibility=hidden', '-ffunction-sections', '-Wall', '-Wextra',
      ],
      'xcode_settings': {
        'CLANG_CXX_LANGUAGE_STANDARD': 'c++17',
        'MACOSX_DEPLOYMENT_TARGET': '11.0',
        'GCC_ENABLE_CPP_RTTI': 'NO',
        'GCC_SYMBOLS_PRIVATE_EXTERN': 'YES',
        'DEAD_CODE_STRIPPING': 'YES',
      },
      'msvs_settings': {'VCCLCompilerTool': {'AdditionalOptions': ['/std:c++17']}},
      'defines': ['NAPI_VERSION=8'],
      'conditions': [
        # Of node-addon-api what is not called goes, before anybody looks for what it would need of C++'s library.
        ['OS=="linux"', {
          'ldflags': ['-Wl,--gc-sections', '-nodefaultlibs'],
          'libraries': ['-lpthread', '-lc', '-lgcc'],
        }],
        ['target_arch=="x64"', {'dependencies': ['kernels_baseline', 'kernels_avx2', 'kernels_avx512']}],
        ['target_arch=="arm64"', {'dependencies': ['kernels_neon']}],
      ],
    },
  ],
  'conditions': [
    ['target_arch=="x64"', {
      'targets': [
        {
          'target_name': 'kernels_baseline',
          'includes': ['native/kernels/isa.gypi'],
          'defines': ['BN_ISA=baseline'],
        },
        {
          'target_name': 'kernels_avx2',
          'includes': ['native/kernels/isa.gypi'],
          'defines': ['BN_ISA=avx2', 'BN_AVX2'],
          'cflags_cc': ['-mavx2', '-mfma', '-mf16c'],
          'xcode_settings': {'OTHER_CPLUSPLUSFLAGS': ['-mavx2', '-mfma', '-mf16c']},
          'msvs_settings': {'VCCLCompilerTool': {'EnableEnhancedInstructionSet': '5'}},  # 5 = AVX2
        },
        {
          'target_name': 'kernels_avx512',
          'includes': ['native/kernels/isa.gypi'],
          'defines': ['BN_ISA=avx512', 'BN_AVX512'],
          # GCC 12 warns about its own header: avx512fintrin.h leaves registers undefined on purpose.
          'cflags_cc': [
            '-mavx512f', '-mavx512vl', '-mavx512bw', '-mfma', '-mf16c',
            '-Wno-uninitialized', '-Wno-maybe-uninitialized',
          ],
          'xcode_settings': {'OTHER_CPLUSPLUSFLAGS': ['-mavx512f', '-mavx512vl', '-mavx512bw', '-mfma', '-mf16c']},
          'msvs_settings': {'VCCLCompilerTool': {'AdditionalOptions': ['/arch:AVX512']}},
        },
      ],
    }],
    ['target_arch=="arm64"', {
      'targets': [
        {
          'target_name': 'kernels_neon',
          'includes': ['native/kernels/isa.gypi'],
          'defines': ['BN_ISA=neon', 'BN_NEON'],
        },
      ],
    }],
  ],
}
