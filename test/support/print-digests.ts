/** Prints the digests of the backend in use, one line each: node dist-test/support/print-digests.js */
import { kernels } from '#dist/backends/select.js';
import { DIGEST_CASES, digest, nameOf } from './digests.js';

for (const each of DIGEST_CASES) console.log(`${nameOf(each)} ${digest(kernels(), each)}`);
