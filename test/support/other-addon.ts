/** Preloaded (`node --import`): opens the file that BATCHNORM_TEST_ADDON names in place of the addon that was built. */
import { constants } from 'node:os';

const other = process.env['BATCHNORM_TEST_ADDON'];
const { dlopen } = process;

if (other !== undefined) {
  process.dlopen = (module, path, flags = constants.dlopen.RTLD_LAZY) =>
    dlopen.call(process, module, path.endsWith('batchnorm.node') ? other : path, flags);
}
