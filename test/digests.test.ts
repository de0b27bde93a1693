/**
 * The definition outlives the code: digests of docs/numerics.md as it stands. A change of it is made on purpose, and then
 * these lines are replaced by what `node dist-test/support/print-digests.js` prints.
 */
import * as assert from 'uvu/assert';
import { allUnderTest } from './support/backends.js';
import { DIGEST_CASES, digest, Fnv1a, nameOf } from './support/digests.js';
import { suiteFor, suiteOf } from './support/suite.js';

const NUMERICS_1 = `
plain-full-float32-5x7x1 df37b68dad4b36c9
plain-full-float64-5x7x1 5fa85409c6b18210
far-bare-float32-5x7x1 6cb73befab921195
far-bare-float64-5x7x1 3973b90e8d6350fb
wild-full-float32-5x7x1 b0bc38cf761fff6e
wild-full-float64-5x7x1 b624cdbb062d3e45
plain-bare-float32-4200x3x1 c0c731528bd723c3
plain-bare-float64-4200x3x1 d3ccebc087fb57cf
far-full-float32-4200x3x1 cb901048d9958f41
far-full-float64-4200x3x1 ea8ee4fc5250385c
wild-bare-float32-4200x3x1 fbd2f7fb58764940
wild-bare-float64-4200x3x1 d2bb44b6ba15440e
plain-full-float32-170x5x49 42784b0c83fe00ab
plain-full-float64-170x5x49 1fda7cc00d5be55f
far-bare-float32-170x5x49 169893f9ff670559
far-bare-float64-170x5x49 d751041cd7af33b9
wild-full-float32-170x5x49 9a0bcb3403fe9900
wild-full-float64-170x5x49 8feb005f6bf75a5d
plain-bare-float32-70x3x64 3e4b248a907551f1
plain-bare-float64-70x3x64 d56e4414e2c1fbcb
far-full-float32-70x3x64 2606d5ec4bb766bf
far-full-float64-70x3x64 421b6d97978bb935
wild-bare-float32-70x3x64 8d9067ae43df3af9
wild-bare-float64-70x3x64 687c64ce9d2a611a
plain-full-float32-3x37x67 0fd9783e94c53843
plain-full-float64-3x37x67 9bb872b8e9fcace7
far-bare-float32-3x37x67 45d35760c0d4678c
far-bare-float64-3x37x67 e0197d8245dd9df0
wild-full-float32-3x37x67 2828831b35f9046f
wild-full-float64-3x37x67 68c8779b294e6b4f
plain-bare-float32-2x2x8209 a80157ce5dc3b4e9
plain-bare-float64-2x2x8209 f4c26ad4c2c07476
far-full-float32-2x2x8209 f7777511e5e4ce9c
far-full-float64-2x2x8209 2cca43841ff6f20f
wild-bare-float32-2x2x8209 d2b6cbed450b4a77
wild-bare-float64-2x2x8209 7d624cf8229ade3b
`;
const expected = new Map(
  NUMERICS_1.trim()
    .split('\n')
    .map((line) => line.split(' ') as [string, string]),
);

for (const backend of allUnderTest()) {
  const test = suiteFor(backend, 'digests');
  for (const each of DIGEST_CASES) {
    test(nameOf(each), () => assert.is(digest(backend.kernels(), each), expected.get(nameOf(each))));
  }
}

const hash = suiteOf('digests: FNV-1a');
hash('gives the values of its authors', () => {
  const of = (text: string) => new Fnv1a().addBytes(new TextEncoder().encode(text)).toString();
  assert.equal([of(''), of('a'), of('foobar')], ['cbf29ce484222325', 'af63dc4c8601ec8c', '85944171f73967e8']);
});

hash('is equal for any NaN, and for nothing else', () => {
  const of = (...values: number[]) => new Fnv1a().add(Float32Array.from(values)).toString();
  assert.is(of(Number.NaN), of(-Number.NaN));
  assert.is.not(of(0), of(-0));
  assert.is.not(of(1, 2), of(2, 1));
});

hash('every case has a name and a digest of its own', () => {
  assert.is(new Set(DIGEST_CASES.map(nameOf)).size, DIGEST_CASES.length);
  assert.is(new Set(expected.values()).size, DIGEST_CASES.length);
  assert.is(expected.size, DIGEST_CASES.length);
});
