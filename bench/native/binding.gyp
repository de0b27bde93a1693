# The memory limit of bench/, built by it on demand.
{
  'variables': {
    'node_addon_api': "<!(node -p \"require('../../dist/node-addon-api').targets\"):node_addon_api_except",
  },
  'target_defaults': {
    'cflags!': ['-O2'],
    'cflags': ['-O3', '-fPIC', '-Wall', '-Wextra'],
    'cflags_cc': ['-std=c++17'],
    'xcode_settings': {
      'CLANG_CXX_LANGUAGE_STANDARD': 'c++17',
      'GCC_OPTIMIZATION_LEVEL': '3',
      'MACOSX_DEPLOYMENT_TARGET': '11.0',
    },
    'msvs_settings': {'VCCLCompilerTool': {'AdditionalOptions': ['/std:c++17']}},
  },
  'targets': [
    {
      'target_name': 'limit',
      'sources': ['limit.cc'],
      'dependencies': ['<(node_addon_api)', 'kernels_baseline'],
      'defines': ['NAPI_VERSION=8'],
      'conditions': [
        ['target_arch=="x64"', {'defines': ['LIMIT_AVX2'], 'dependencies': ['kernels_avx2']}],
      ],
    },
    {
      'target_name': 'kernels_baseline',
      'type': 'static_library',
      'sources': ['kernels.cc'],
      'defines': ['LIMIT_ISA=baseline'],
    },
  ],
  'conditions': [
    ['target_arch=="x64"', {
      'targets': [
        {
          'target_name': 'kernels_avx2',
          'type': 'static_library',
          'sources': ['kernels.cc'],
          'defines': ['LIMIT_ISA=avx2', 'LIMIT_AVX2'],
          'cflags_cc': ['-mavx2'],
          'xcode_settings': {'OTHER_CPLUSPLUSFLAGS': ['-mavx2']},
          'msvs_settings': {'VCCLCompilerTool': {'EnableEnhancedInstructionSet': '5'}},  # 5 = AVX2
        },
      ],
    }],
  ],
}
