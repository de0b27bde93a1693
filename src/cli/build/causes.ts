/** Causes of failed builds, from the output of node-gyp, make and the compiler. */

/** In order; the first that is found there. */
const CAUSES: readonly (readonly [RegExp, string])[] = [
  [/Cannot find module '(.*)'/, '$1 was not found'],
  [/Could not find any Python/, 'Python 3 was not found'],
  [/Could not find any Visual Studio/, 'Visual Studio with C++ was not found'],
  [/ENOSPC.*/, 'the disk is full'],
  [
    /network connectivity|getaddrinfo|ECONNREFUSED|ECONNRESET|ETIMEDOUT|response downloading|checksum mismatch/,
    'node-gyp could not download the headers of Node.js',
  ],
  [/FileNotFoundError: .*'(.*)'/, '$1 was not found'],
  [/not found: (\w+)/, '$1 was not found'],
  [/make: (\S+): No such file/, '$1 was not found'],
  [/\d: (\S+): not found/, '$1 was not found'],
  [/^(.*\berror(?: C\d+)?: .*)$/m, 'the compiler says: $1'],
  [/make: \*\*\* (.*)$/m, 'a command of make failed: $1'],
  [/gyp ERR! stack Error: (.*)$/m, 'node-gyp says: $1'],
];

/** A clause that says why, from what was said. */
export function causeOf(said: string): string {
  for (const [pattern, meaning] of CAUSES) {
    const match = said.match(pattern);
    if (match) return match[0].replace(pattern, meaning);
  }
  return 'node-gyp failed without a word';
}
