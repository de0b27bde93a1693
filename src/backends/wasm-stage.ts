/** A WebAssembly instance, and its memory as a stage on which the arrays of one call are placed. */
import type { View } from '../kernels.js';
import type { Tensor } from '../types.js';

type Exports = Record<string, (...args: number[]) => number | undefined>;

const PAGE = 65536;
/** The last page stays empty: a loop over an array that ends at 4 GiB would see its end wrap round to 0. */
const MOST_BYTES = 65535 * PAGE;
const ALIGNMENT = 64;

/** Where an array lies in the memory, and whether the kernel reads it. */
interface Place {
  readonly array: Tensor;
  readonly address: number;
  input: boolean;
}

export class Stage {
  readonly #memory = new WebAssembly.Memory({ initial: 1, maximum: 65536 });
  readonly #exports: Exports;

  constructor(module: WebAssembly.Module) {
    const instance = new WebAssembly.Instance(module, { env: { memory: this.#memory } });
    this.#exports = instance.exports as unknown as Exports;
  }

  /**
   * Calls `kernel` with the arrays of `list` replaced by their addresses in memory, null by 0. An array has one place even
   * where it is named twice, so that in place stays in place. All but pure outputs are copied in; outputs are copied back.
   */
  call(kernel: string, { n, c, s }: View, outputs: readonly Tensor[], list: readonly (Tensor | number | null)[]): void {
    const scratch = ALIGNMENT; // address 0 counts as null
    const places: Place[] = [];
    let end = scratch + this.#scratchBytes(c, s);
    for (const array of list) {
      if (typeof array !== 'object' || array === null) continue;
      const place = find(places, array);
      if (place !== undefined) {
        place.input = true;
        continue;
      }
      const address = Math.ceil(end / ALIGNMENT) * ALIGNMENT;
      places.push({ array, address, input: !outputs.includes(array) });
      end = address + array.byteLength;
    }
    this.#reserve(end);

    for (const { array, address, input } of places) if (input) this.#bytesAt(address, array).set(bytesOf(array));
    const addresses = list.map((item) =>
      item === null ? 0 : typeof item === 'number' ? item : find(places, item)!.address,
    );
    this.#exports[kernel](...addresses, n, c, s, scratch);
    for (const array of outputs) bytesOf(array).set(this.#bytesAt(find(places, array)!.address, array));
  }

  #scratchBytes(c: number, s: number): number {
    return this.#exports.scratchBytes(c, s) as number;
  }

  /** Grows the memory to hold `bytes`. Nothing outlives a call in it, so that growing detaches nothing that is in use. */
  #reserve(bytes: number): void {
    const missing = Math.ceil(bytes / PAGE) - this.#memory.buffer.byteLength / PAGE;
    if (missing <= 0) return;
    try {
      if (bytes > MOST_BYTES) throw new RangeError('beyond 32-bit addresses');
      this.#memory.grow(missing);
    } catch (cause) {
      const wanted = (bytes / 2 ** 30).toFixed(2);
      throw new RangeError(
        `batchnorm: wasm: the arrays of this call take ${wanted} GiB of WebAssembly memory, which cannot be had (4 GiB is ` +
          'the most): call with parts of the batch, or use the native backend',
        { cause },
      );
    }
  }

  #bytesAt(address: number, { byteLength }: Tensor): Uint8Array {
    return new Uint8Array(this.#memory.buffer, address, byteLength);
  }
}

function bytesOf({ buffer, byteOffset, byteLength }: Tensor): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function find(places: readonly Place[], { buffer, byteOffset, length }: Tensor): Place | undefined {
  const at = (array: Tensor) => array.buffer === buffer && array.byteOffset === byteOffset && array.length === length;
  return places.find(({ array }) => at(array));
}
