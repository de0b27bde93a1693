# The addon of `batchnorm/mpi`, apart from the main one, which needs no MPI. Built by `batchnorm build --mpi`.
{
  'variables': {
    'node_addon_api': "<!(node -p \"require('node-addon-api').targets\"):node_addon_api_except",
  },
  'targets': [
    {
      'target_name': 'batchnorm_mpi',
      'sources': ['addon.cc', 'session.cc', 'roll-call.cc'],
      'dependencies': ['<(node_addon_api)'],
      'defines': ['NAPI_VERSION=8', 'OMPI_SKIP_MPICXX', 'MPICH_SKIP_MPICXX'],
      'cflags_cc': ['-std=c++17', '-Wall', '-Wextra', '<!@(node flags.js compile)'],
      'xcode_settings': {
        'CLANG_CXX_LANGUAGE_STANDARD': 'c++17',
        'MACOSX_DEPLOYMENT_TARGET': '11.0',
        'OTHER_CPLUSPLUSFLAGS': ['<!@(node flags.js compile)'],
      },
      'libraries': ['<!@(node flags.js link)'],
    },
  ],
}
