// Exact Σ p and Σ p·q of a group of float32 values of one channel: docs/numerics.md, section 10.
//
// A sum of float64 numbers is exact while all terms are multiples of a unit and every partial sum is below 2⁵³ units. A
// product of two float32 is exact, but has 48 bits, so that its sum is kept in several bins. A bin has an anchor of
// 1.5·2⁵² units, and in [2⁵², 2⁵³) units the unit is the spacing of float64. A term that is added to the anchor is
// rounded to units; what was taken, the difference of the sum and the anchor, and what is left are exact, and the rest
// goes to the next bin. The last bin takes everything that is left, since its unit divides all terms. Bits of such a
// sum less those of the anchor are what was taken, as an integer; so the bits of all of them are added up as integers,
// and nothing waits for the sum before. Where the next bin is the last one, its anchor is subtracted along with the
// first: term − (sum − both anchors) is its sum, without one more addition.
//
// Units are chosen by the largest exponent, as small as the number of terms allows: bins below each other reach over 43
// or 44 binades each.
import { No } from '../kinds';
import { addRowByBins, pourBins } from './bins';
import { openRun, seeRun, takeRun } from './lanes';
import { addProducts, addSquares } from './narrow';
import { addToAll, lookAtProducts } from './wide';
import { NARROW, OTHER, WIDE, Window, ZEROS } from './window';

/** Values of a group, at most: so many terms fit into the bins; and of one of squares as they lie. */
export const GROUP: usize = 512;
export const GROUP_OF_SQUARES: usize = 1024;

/**
 * Products g·(x − center) of one channel, in rows of `length` values that are `stride` bytes apart. Up to the next
 * multiple of 4 a row has products of 0, unless the center is not finite. They are added to the window by way of lanes,
 * or to the record by way of bins. Exponents are looked at while values are added, where the group before fitted the
 * window, and a group that turns out not to fit is added again.
 */
@unmanaged
export class Group {
  window: Window;
  record: usize;
  lanes: usize;
  bins: usize;
  g: usize;
  x: usize;
  center: f32;
  length: usize;
  rows: usize;
  stride: usize;

  /** Adds squares of rows; up to the next multiple of 4 there are zeros. */
  addSquares(x: usize, length: usize, rows: usize, stride: usize): void {
    this.g = x;
    this.x = x;
    this.center = 0;
    this.length = length;
    this.rows = rows;
    this.stride = stride;
    this.add();
  }

  /** Adds all products that it has. */
  add(): void {
    const window = this.window;
    if (ASC_FEATURE_SIMD) {
      this.walk(window.isOpen ? NARROW : ZEROS);
      if (window.isOpen && window.fits()) {
        takeRun(window, this.lanes, false, this.added());
        return;
      }
    } else window.lookAtProducts(this.g, this.x, this.center, this.length, this.rows, this.stride);
    const kind = window.choose(this.record);
    if (kind == ZEROS) return;
    if (!ASC_FEATURE_SIMD || kind == OTHER) {
      this.addByBins();
      return;
    }
    this.walk(kind);
    takeRun(window, this.lanes, kind == WIDE, this.added());
  }

  /** Values with those that fill vectors. */
  private added(): i64 {
    return <i64>(this.rows * ((this.length + 3) & ~3));
  }

  /** Adds to the upper bins, or to all; or only looks. */
  private walk(kind: i32): void {
    const lanes = this.lanes;
    const bytes = ((this.length + 3) & ~3) << 2;
    const areSquares = this.g == this.x && this.center == 0;
    const centers = f32x4.splat(this.center);
    const center = changetype<usize>(this) + offsetof<Group>('center');
    openRun(this.window, lanes);
    for (let i: usize = 0; i < this.rows; ++i) {
      const x = this.x + i * this.stride;
      const g = this.g + i * this.stride;
      if (kind == ZEROS) lookAtProducts(lanes, g, x, centers, x + bytes);
      else if (kind == WIDE) addToAll(lanes, g, x, centers, x + bytes);
      else if (areSquares) addSquares(lanes, x, x + bytes);
      else addProducts<No>(lanes, g, x, center, x + bytes, 8);
    }
    if (kind != WIDE) seeRun(this.window, lanes, areSquares);
  }

  private addByBins(): void {
    const window = this.window;
    const isOdd = window.isOdd();
    window.isPoured = true;
    for (let i: usize = 0; i < this.rows; ++i) {
      const distance = i * this.stride;
      for (let k: usize = 0; k < this.length; k += GROUP) {
        const at = distance + (k << 2);
        const count = min(GROUP, this.length - k);
        addRowByBins(this.record, this.g + at, this.x + at, this.center, count, isOdd, this.bins);
        if (this.rows * this.length > GROUP) pourBins(this.record, window, this.bins);
      }
    }
    pourBins(this.record, window, this.bins);
  }
}
