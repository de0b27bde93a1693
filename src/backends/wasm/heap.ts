/** Who has which part of a memory. It is kept outside the memory, so that modules need no allocator of their own. */

const ALIGNMENT = 64;

interface Block {
  start: number;
  end: number;
}

/** The whole number of cache lines that hold so many bytes; at least one, so that every block has its own address. */
export function lines(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / ALIGNMENT)) * ALIGNMENT;
}

/** Blocks of addresses, aligned to 64 bytes; the first gap that is large enough is taken, neighbouring gaps are one. */
export class Heap {
  /** Gaps, by address. */
  readonly #gaps: Block[];
  readonly #sizes = new Map<number, number>();
  /** Everything from here on has never been handed out. */
  untouched: number;
  /** How many blocks were ever handed out. */
  handedOut = 0;

  constructor(start: number, end: number) {
    this.#gaps = [{ start, end }];
    this.untouched = start;
  }

  /** The address of so many bytes; 0 where there is no gap for them. */
  allocate(bytes: number): number {
    const size = lines(bytes);
    const index = this.#gaps.findIndex(({ start, end }) => end - start >= size);
    if (index === -1) return 0;
    const gap = this.#gaps[index];
    const address = gap.start;
    gap.start += size;
    if (gap.start === gap.end) this.#gaps.splice(index, 1);
    this.#sizes.set(address, size);
    this.handedOut++;
    this.untouched = Math.max(this.untouched, gap.start);
    return address;
  }

  /** Takes back what begins at an address; nothing where nothing does. */
  release(address: number): void {
    const size = this.#sizes.get(address);
    if (size === undefined) return;
    this.#sizes.delete(address);
    const end = address + size;
    const index = this.#gapAfter(address);
    const before = this.#gaps[index - 1];
    const after = this.#gaps[index];
    if (before?.end === address) {
      before.end = end;
      if (after?.start === end) {
        before.end = after.end;
        this.#gaps.splice(index, 1);
      }
    } else if (after?.start === end) after.start = address;
    else this.#gaps.splice(index, 0, { start: address, end });
  }

  /** The bytes that lie at an address that was handed out, rounded up; 0 where it was not. */
  sizeAt(address: number): number {
    return this.#sizes.get(address) ?? 0;
  }

  /** How many blocks are handed out. */
  get blocks(): number {
    return this.#sizes.size;
  }

  /** The largest gap. */
  get room(): number {
    return this.#gaps.reduce((most, { start, end }) => Math.max(most, end - start), 0);
  }

  /** The index of the first gap behind an address. */
  #gapAfter(address: number): number {
    let low = 0;
    let high = this.#gaps.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#gaps[middle].start < address) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
