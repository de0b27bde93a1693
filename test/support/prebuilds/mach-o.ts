/** Reads of a Mach-O file what macOS looks at before it runs any of it: the processor and the signature. */
import { createHash } from 'node:crypto';

const MAGIC_64 = 0xfeedfacf;
const HEADER_BYTES = 32;
const LC_CODE_SIGNATURE = 0x1d;
const SUPER_BLOB = 0xfade0cc0;
const CODE_DIRECTORY = 0xfade0c02;
const SHA256 = 2;

export interface CodeDirectory {
  /** 2 is "ad hoc": no certificate, only hashes. */
  readonly flags: number;
  /** As many bytes from the file's beginning are signed. */
  readonly limit: number;
  /** Of the signed bytes, page by page, as they were when the file was signed. */
  readonly hashes: readonly string[];
  /** The same, as the bytes are. */
  readonly found: readonly string[];
}

export interface MachO {
  readonly processor: number;
  /** Where the signature begins. */
  readonly signatureAt: number;
  readonly directory: CodeDirectory;
}

/** @throws where it is not a 64-bit little-endian Mach-O file with a signature of SHA-256 */
export function readMachO(file: Buffer): MachO {
  expect(file.readUInt32LE(0), MAGIC_64, 'magic number');
  const [signatureAt] = signaturesOf(file);
  if (signatureAt === undefined) throw new Error('Mach-O: there is no signature');
  return { processor: file.readUInt32LE(4), signatureAt, directory: directoryOf(file, signatureAt) };
}

/** Where the signatures are that the load commands name. */
function signaturesOf(file: Buffer): number[] {
  const found: number[] = [];
  let at = HEADER_BYTES;
  for (let left = file.readUInt32LE(16); left > 0; left--) {
    if (file.readUInt32LE(at) === LC_CODE_SIGNATURE) found.push(file.readUInt32LE(at + 8));
    at += file.readUInt32LE(at + 4);
  }
  return found;
}

/** The numbers of a signature have their first byte first. */
function directoryOf(file: Buffer, signatureAt: number): CodeDirectory {
  expect(file.readUInt32BE(signatureAt), SUPER_BLOB, 'magic number of the signature');
  const count = file.readUInt32BE(signatureAt + 8);
  const blobs = Array.from({ length: count }, (_, i) => signatureAt + file.readUInt32BE(signatureAt + 16 + 8 * i));
  const at = blobs.find((blob) => file.readUInt32BE(blob) === CODE_DIRECTORY);
  if (at === undefined) throw new Error('Mach-O: the signature has no hashes');
  const hashBytes = file.readUInt8(at + 36);
  expect(file.readUInt8(at + 37), SHA256, 'kind of hash');
  const hashesAt = at + file.readUInt32BE(at + 16);
  const hashes = Array.from({ length: file.readUInt32BE(at + 28) }, (_, i) =>
    file.subarray(hashesAt + i * hashBytes, hashesAt + (i + 1) * hashBytes).toString('hex'),
  );
  const limit = file.readUInt32BE(at + 32);
  const found = hashesOf(file.subarray(0, limit), 2 ** file.readUInt8(at + 39));
  return { flags: file.readUInt32BE(at + 12), limit, hashes, found };
}

function hashesOf(bytes: Buffer, pageBytes: number): string[] {
  return Array.from({ length: Math.ceil(bytes.length / pageBytes) }, (_, i) =>
    createHash('sha256')
      .update(bytes.subarray(i * pageBytes, (i + 1) * pageBytes))
      .digest('hex'),
  );
}

function expect(found: number, wanted: number, what: string): void {
  if (found !== wanted) throw new Error(`Mach-O: the ${what} is 0x${found.toString(16)}, not 0x${wanted.toString(16)}`);
}
