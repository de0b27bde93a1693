/**
 * Calls on tensors that are too large to be copied as a whole: piece by piece, with the same bits. A piece is a part of
 * the rows of some channels, cut where docs/numerics.md, section 2, has a group of the sums begin.
 */
import { BENT, CENTRED, GATED, GRADIENT, LANES, RELU, SEGMENT, SUMS } from '../../generated/wasm-facts.js';
import { RECORD, type View } from '../../kernels.js';
import { groupRows, stackedRows } from '../../reference/layout.js';
import { ARRAYS, type Arguments, bitsOf, isAmong, type Staging, type Stored, TENSORS } from './call.js';

/** The narrowest runs that are worth copying by themselves, in elements. */
const LEAST_RUN = 1024;

/** Channels first .. last, rows top .. bottom, and of each row the elements left .. right. */
interface Piece {
  readonly first: number;
  readonly last: number;
  readonly top: number;
  readonly bottom: number;
  readonly left: number;
  readonly right: number;
}

/** How large pieces are: they have so many channels, rows, and elements of a row. */
export interface Extent {
  readonly channels: number;
  readonly rows: number;
  readonly width: number;
}

/** Pieces of at most about `most` elements; more only where fewer would change the form in which they are summed. */
export function extentOf(view: View, most: number): Extent {
  const { n, c, s } = view;
  const stacked = stackedRows(view) > 1;
  const rows = groupRows(view);
  // Fewer channels than these would be stacked.
  const least = stacked ? c : Math.min(c, 2 * Math.ceil(LANES / s));
  const tile = Math.floor(most / (n * s));
  if (tile >= c) return { channels: c, rows: n, width: s };
  if (tile >= least && tile * s >= LEAST_RUN) return { channels: tile, rows: n, width: s };
  const groups = Math.floor(most / (c * s * rows));
  if (groups >= 1) return { channels: c, rows: groups * rows, width: s };
  const few = Math.floor(most / (Math.min(n, rows) * s));
  if (few >= 1 || s < SEGMENT) return { channels: Math.min(c, Math.max(least, few)), rows, width: s };
  return { channels: 1, rows: 1, width: Math.max(1, Math.floor(most / SEGMENT)) * SEGMENT };
}

/** Bytes that an array of float64 has for each channel. */
export function widthOf(index: number): number {
  return 8 * (ARRAYS[index] === 'records' ? RECORD.numbers : 1);
}

/** Channels in tiles of nearly the same size, so that the last one is not too narrow. */
export function* tilesOf(c: number, most: number): Generator<readonly [first: number, last: number]> {
  const tiles = Math.ceil(c / most);
  for (let tile = 0; tile < tiles; tile++) {
    yield [Math.floor((c * tile) / tiles), Math.floor((c * (tile + 1)) / tiles)];
  }
}

export class PieceCall {
  readonly #stage: Staging;
  readonly #args: Arguments;
  readonly #extent: Extent;
  /** Where the pieces of tensors and the whole of other arrays are, by number; 0 of what is absent. */
  readonly #places: number[];
  /** The piece that lies in memory, and which of its arrays do, as bits. */
  #piece: Piece | undefined;
  #present = 0;
  #piecesOfTile = 0;

  constructor(stage: Staging, args: Arguments, extent: Extent, places: number[]) {
    this.#stage = stage;
    this.#args = args;
    this.#extent = extent;
    this.#places = places;
  }

  run(): void {
    const { c } = this.#args.view;
    for (const [first, last] of tilesOf(c, this.#extent.channels)) {
      this.#sum(first, last);
      this.#write(first, last);
    }
  }

  /** The sums of the channels, where the kernel wants any, and what follows from them. */
  #sum(first: number, last: number): void {
    const { kernel, activation } = this.#args;
    if (kernel === 'statistics' || kernel === 'forward') {
      if (this.#reduce(SUMS, bitsOf('x'), first, last)) this.#reduce(CENTRED, bitsOf('x'), first, last);
    } else if (kernel === 'gradientSums' || kernel === 'backward') {
      if (activation === 0) this.#reduce(GRADIENT, bitsOf('dy', 'x'), first, last);
      else this.#reduce(activation === RELU ? GATED : BENT, bitsOf('dy', 'x', 'residual'), first, last);
    } else if (kernel === 'exactSums' || kernel === 'exactForward') {
      this.#sumExactly('exactSums', bitsOf('x'), first, last);
    } else if (kernel === 'exactGradientSums' || kernel === 'exactBackward') {
      this.#sumExactly('exactGradientSums', bitsOf('dy', 'x', 'residual'), first, last);
    }
    if (kernel === 'exactForward' || kernel === 'exactBackward') this.#stage.run('finishExact');
  }

  /** Adds the exact sums of the channels to their records. */
  #sumExactly(kernel: string, inputs: number, first: number, last: number): void {
    for (const piece of this.#pieces(first, last)) {
      this.#copyIn(piece, inputs);
      this.#describe(piece);
      this.#stage.run(kernel);
    }
  }

  /** Whether the channels want another kind of sums. */
  #reduce(kind: number, inputs: number, first: number, last: number): boolean {
    let goesOn = false;
    for (const piece of this.#pieces(first, last)) {
      this.#copyIn(piece, inputs);
      this.#describe(piece);
      this.#stage.record.accumulate(goesOn);
      this.#stage.run('reduce', kind);
      goesOn = true;
    }
    return this.#stage.run('finish', kind) !== 0;
  }

  /** The elements of the channels, where the kernel writes any: the last piece first, since it was read last. */
  #write(first: number, last: number): void {
    const { kernel, outputs } = this.#args;
    const names: Partial<Record<string, string>> = {
      normalize: 'normalize',
      forward: 'normalize',
      exactForward: 'normalize',
      gradientInput: 'gradientInput',
      backward: 'gradientInput',
      exactBackward: 'gradientInput',
    };
    const map = names[kernel];
    if (map === undefined) return;
    const inputs = map === 'normalize' ? bitsOf('x', 'residual') : bitsOf('dy', 'x', 'residual');
    for (const piece of [...this.#pieces(first, last)].reverse()) {
      this.#copyIn(piece, inputs);
      this.#describe(piece);
      this.#stage.run(map);
      this.#copyOut(piece, outputs & bitsOf('output', 'dresidual'));
      this.#piece = undefined;
    }
  }

  *#pieces(first: number, last: number): Generator<Piece> {
    const { n, s } = this.#args.view;
    const { rows, width } = this.#extent;
    this.#piecesOfTile = Math.ceil(n / rows) * Math.ceil(s / width);
    for (let top = 0; top < n; top += rows) {
      for (let left = 0; left < s; left += width) {
        yield { first, last, top, bottom: Math.min(n, top + rows), left, right: Math.min(s, left + width) };
      }
    }
  }

  /** The record of the call for this piece. */
  #describe({ first, last, top, bottom, left, right }: Piece): void {
    const { arrays, view } = this.#args;
    const { record } = this.#stage;
    record.see({ n: bottom - top, c: last - first, s: right - left });
    for (let i = 0; i < ARRAYS.length; i++) {
      const place = this.#places[i];
      const width = (arrays[i]?.byteLength ?? widthOf(i) * view.c) / view.c;
      record.place(i, isAmong(TENSORS, i) || place === 0 ? place : place + first * width);
    }
  }

  #copyIn(piece: Piece, inputs: number): void {
    if (this.#piecesOfTile > 1 || this.#piece?.first !== piece.first) this.#present = 0;
    this.#piece = piece;
    this.#each(piece, inputs & ~this.#present, (array, from, to, address) =>
      this.#stage.copyIn(array.subarray(from, to), address),
    );
    this.#present |= inputs;
  }

  #copyOut(piece: Piece, outputs: number): void {
    this.#each(piece, outputs, (array, from, to, address) => this.#stage.copyOut(array.subarray(from, to), address));
  }

  /** Calls `copy` for every run of the piece, in each of these arrays. */
  #each(piece: Piece, arrays: number, copy: (array: Stored, from: number, to: number, address: number) => void): void {
    const { c, s } = this.#args.view;
    const { first, last, top, bottom, left, right } = piece;
    const isWhole = last - first === c && right - left === s;
    const runs = isWhole ? 1 : bottom - top;
    const length = (right - left) * (last - first) * (isWhole ? bottom - top : 1);
    for (let i = 0; i < ARRAYS.length; i++) {
      const array = this.#args.arrays[i];
      if (array === null || !isAmong(arrays, i)) continue;
      for (let run = 0; run < runs; run++) {
        const from = ((top + run) * c + first) * s + left;
        copy(array, from, from + length, this.#places[i] + run * length * array.BYTES_PER_ELEMENT);
      }
    }
  }
}
