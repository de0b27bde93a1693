/** Progress of node-gyp: a line that changes on a terminal, else a line for each kind of step. */

/** In the order in which they come. */
const STEPS: readonly (readonly [RegExp, (match: RegExpExecArray) => string])[] = [
  [/http GET (\S+)/, ([, url]) => `downloading the headers of Node.js from ${url}`],
  [/spawn args|gyp info spawn (?!make)/, () => 'configuring'],
  [/\b(?:CC|CXX)\(target\)|^\s+\S+\.cc$/, () => 'compiling'],
  [/SOLINK|LINK\(target\)|LIBTOOL|\bLIB\b/, () => 'linking'],
];

export class Progress {
  /** The last that was heard of. */
  step = 'starting node-gyp';
  readonly #start = Date.now();
  readonly #onTerminal = process.stderr.isTTY === true;
  #compiled = 0;
  /** So that a long step is seen to go on. */
  readonly #ticking = this.#onTerminal ? setInterval(() => this.#show(), 1000) : undefined;

  read(line: string): void {
    for (const [pattern, name] of STEPS) {
      const match = pattern.exec(line);
      if (match === null) continue;
      const step = name(match);
      const isNew = step !== this.step;
      this.step = step;
      if (step === 'compiling') this.#compiled++;
      if (this.#onTerminal) this.#show();
      else if (isNew && !(step === 'compiling' && this.#compiled > 1)) console.error(`batchnorm: ${step}`);
    }
  }

  get seconds(): number {
    return Math.round((Date.now() - this.#start) / 1000);
  }

  end(): void {
    clearInterval(this.#ticking);
    if (this.#onTerminal) process.stderr.write('\r\x1b[K');
  }

  #show(): void {
    const files = this.#compiled > 0 ? `, ${this.#compiled} files` : '';
    process.stderr.write(`\r\x1b[Kbatchnorm: ${this.step}${files}, ${this.seconds} s`);
  }
}
