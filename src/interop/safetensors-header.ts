/**
 * The header of a safetensors file: JSON of one form. It is read by hand, since `JSON.parse` would take the last of two
 * equal names, and makes gigabytes of objects out of a hundred megabytes of brackets. Here anything but that form ends
 * the reading at once.
 */
import { environmentError } from '../arguments/errors.js';
import { describe, list } from '../arguments/messages.js';
import { bytesOf, DTYPES, type DType, elementCount, isDType } from './tensors.js';

/** Where a tensor lies: the bytes from `begin` to `end`, counted from the end of the header. */
export interface Entry {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

export interface Header {
  /** In the order of their bytes. */
  readonly entries: readonly Entry[];
  readonly metadata: Record<string, string>;
}

/** Far more than any framework has: numbers need more memory than the two bytes that they take in a file. */
const MOST_AXES = 1000;

/** The name that is no tensor's. */
export const METADATA = '__metadata__';

/** A file that is not what it should be. `call` is the public function. */
export function fileError(call: string, what: string, wanted: string, got: string): Error {
  return environmentError('ERR_BATCHNORM_FILE', `${call}: ${what} expected ${wanted}, got ${got}`);
}

/**
 * Reads a header and checks that its tensors fill `dataBytes` bytes, without holes and overlaps.
 *
 * @throws Error with code ERR_BATCHNORM_FILE that says what is wrong and where
 */
export function readHeader(call: string, text: string, dataBytes: number): Header {
  const scanner = new Scanner(call, text);
  const entries: Entry[] = [];
  let metadata: Record<string, string> = Object.create(null);
  scanner.object((name) => {
    if (name === METADATA) metadata = scanner.strings();
    else entries.push(readEntry(scanner, name));
  });
  scanner.end();
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  checkFilled(call, entries, dataBytes);
  return { entries, metadata };
}

function readEntry(scanner: Scanner, name: string): Entry {
  const what = `tensor ${describe(name)}`;
  let dtype: string | undefined;
  let shape: number[] | undefined;
  let offsets: number[] | undefined;
  scanner.object((property) => {
    if (property === 'dtype') dtype = scanner.string();
    else if (property === 'shape') shape = scanner.integers();
    else if (property === 'data_offsets') offsets = scanner.integers();
    else throw scanner.refusal(what, 'dtype, shape and data_offsets', describe(property));
  });
  if (dtype === undefined || shape === undefined || offsets === undefined) {
    const given = Object.entries({ dtype, shape, data_offsets: offsets }).filter(([, value]) => value !== undefined);
    const names = given.map(([property]) => property).join(' and ');
    throw scanner.refusal(what, 'dtype, shape and data_offsets', names === '' ? 'none of them' : `${names} alone`);
  }
  if (!isDType(dtype)) throw scanner.refusal(what, `a dtype of ${DTYPES.join(', ')}`, describe(dtype));
  const bytes = bytesOf(dtype, elementCount(shape));
  const [begin, end] = offsets;
  if (offsets.length !== 2 || !(end - begin === bytes)) {
    const wanted = Number.isSafeInteger(bytes) ? `${bytes} bytes` : 'a countable number of whole bytes';
    const of = `${dtype} of shape ${shortened(shape)}`;
    throw scanner.refusal(what, `data_offsets [begin, end] around ${wanted} for ${of}`, shortened(offsets));
  }
  return { name, dtype, shape, begin, end };
}

function checkFilled(call: string, entries: readonly Entry[], dataBytes: number): void {
  let end = 0;
  for (const { name, ...entry } of entries) {
    if (entry.begin !== end) {
      const kind = entry.begin > end ? 'a hole' : 'an overlap';
      throw fileError(
        call,
        `tensor ${describe(name)}`,
        `to begin at byte ${end} of the data`,
        `${entry.begin}: ${kind}`,
      );
    }
    end = entry.end;
  }
  if (end !== dataBytes) throw fileError(call, 'the file', `${end} bytes of data after its header`, `${dataBytes}`);
}

function shortened(numbers: readonly number[]): string {
  return numbers.length > 16 ? `[${numbers.slice(0, 16).join(', ')}, …]` : list(numbers);
}

const [QUOTE, BACKSLASH, ZERO] = [0x22, 0x5c, 0x30];
const isSpace = (code: number): boolean => code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
const isDigit = (code: number): boolean => code >= ZERO && code <= ZERO + 9;

/** Reads from left to right what JSON of the header's form consists of. */
class Scanner {
  readonly #call: string;
  readonly #text: string;
  #at = 0;

  constructor(call: string, text: string) {
    this.#call = call;
    this.#text = text;
  }

  refusal(what: string, wanted: string, got: string): Error {
    return fileError(this.#call, what, wanted, got);
  }

  /** An object; `member` reads what follows a name. */
  object(member: (name: string) => void): void {
    this.#demand('{');
    const names = new Set<string>();
    if (this.#take('}')) return;
    do {
      const name = this.string();
      if (names.has(name)) throw this.refusal('the header', 'every name once', `${describe(name)} twice`);
      names.add(name);
      this.#demand(':');
      member(name);
    } while (this.#take(','));
    this.#demand('}');
  }

  /** An object of strings. */
  strings(): Record<string, string> {
    const strings: Record<string, string> = Object.create(null);
    this.object((name) => {
      strings[name] = this.string();
    });
    return strings;
  }

  string(): string {
    this.#demand('"');
    const text = this.#text;
    const start = this.#at - 1;
    let at = this.#at;
    while (at < text.length && text.charCodeAt(at) !== QUOTE) at += text.charCodeAt(at) === BACKSLASH ? 2 : 1;
    this.#at = at + 1;
    const string = unquoted(text.slice(start, this.#at));
    if (string === undefined) this.#fail('a string of JSON', start);
    return string;
  }

  /** An array of whole numbers from 0 on. */
  integers(): number[] {
    this.#demand('[');
    const numbers: number[] = [];
    if (this.#take(']')) return numbers;
    do {
      if (numbers.length === MOST_AXES) this.#fail(`at most ${MOST_AXES} numbers in an array`, this.#at);
      numbers.push(this.#integer());
    } while (this.#take(','));
    this.#demand(']');
    return numbers;
  }

  end(): void {
    this.#skipSpace();
    if (this.#at < this.#text.length) this.#fail('nothing but spaces after its JSON', this.#at);
  }

  #integer(): number {
    this.#skipSpace();
    const start = this.#at;
    let value = 0;
    while (isDigit(this.#text.charCodeAt(this.#at))) value = value * 10 + this.#text.charCodeAt(this.#at++) - ZERO;
    const hasLeadingZero = this.#at - start > 1 && this.#text.charCodeAt(start) === ZERO;
    if (this.#at === start || hasLeadingZero || !Number.isSafeInteger(value)) {
      this.#fail('a whole number from 0 to 2^53 - 1', start);
    }
    return value;
  }

  #demand(character: string): void {
    if (!this.#take(character)) this.#fail(`'${character}'`, this.#at);
  }

  #take(character: string): boolean {
    this.#skipSpace();
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #skipSpace(): void {
    while (isSpace(this.#text.charCodeAt(this.#at))) this.#at++;
  }

  #fail(wanted: string, at: number): never {
    const got = at < this.#text.length ? describe(this.#text.slice(at, at + 20)) : 'its end';
    throw this.refusal('the header', `${wanted} at character ${at}`, got);
  }
}

/** Undefined where it is no string, or not one of Unicode: half a surrogate pair cannot be written as UTF-8. */
function unquoted(quoted: string): string | undefined {
  try {
    const string: string = JSON.parse(quoted);
    return isUnicode(string) ? string : undefined;
  } catch {
    return undefined;
  }
}

export function isUnicode(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}
