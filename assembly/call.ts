// One call: what a kernel is given, and the memory that it works in. Several threads see the same record.
import { prepareConstants } from './half';
import { THREE_LINES } from './kinds';
import { groupsOf, minOf, stackedRows } from './layout';

const LINE_BYTES: usize = 64;
/**
 * Columns whose lanes and parameters one thread keeps at once. Free to choose, from those of a channel or a stack up.
 */
export const COLUMNS_AT_ONCE: usize = 512;
/** The coefficients of y = (x − center)·scale + offset and dx = g·scale − (d·dxSlope + dxOffset), by number. */
export const CENTER: usize = 0;
export const SCALE: usize = 1;
export const OFFSET: usize = 2;
export const DX_SLOPE: usize = 3;
export const DX_OFFSET: usize = 4;
const COEFFICIENTS: usize = 5;
/** First and second sums of so many columns, then their parameters, whatever the type. */
const LANES_BYTES: usize = 2 * COLUMNS_AT_ONCE * sizeof<f64>();
const THREAD_BYTES: usize = LANES_BYTES + COEFFICIENTS * (COLUMNS_AT_ONCE * sizeof<f64>() + LINE_BYTES);
/** Elements of 16 bits that are float32 at a time, in the first cache. Free to choose, from COLUMNS_AT_ONCE up. */
export const STRIP: usize = 2048;
/** Their record, with room to spare; then x, dy, the residual and its gradient. */
const RECORD_BYTES: usize = 512;
const STRIP_TENSOR_BYTES: usize = STRIP * sizeof<f32>() + 3 * LINE_BYTES;
const STRIP_BYTES: usize = RECORD_BYTES + 4 * STRIP_TENSOR_BYTES;

/**
 * The arguments of any kernel under their names in src/kernels.ts, null as 0; `output` is y or dx. The host writes
 * them: scripts/build-wasm.js tells src/backends/wasm/call.ts where each of them lies.
 */
@unmanaged
export class Arguments {
  epsilon: f64;
  count: f64;
  /** Parameters of the activation that has some. */
  slope: f64;
  low: f64;
  high: f64;
  n: usize;
  c: usize;
  s: usize;
  activation: i32;
  /** Whether dx takes into account that the statistics depend on x. */
  batch: i32;
  output: usize;
  dresidual: usize;
  dgamma: usize;
  dbeta: usize;
  dy: usize;
  x: usize;
  residual: usize;
  mean: usize;
  variance: usize;
  gamma: usize;
  beta: usize;
  sumDy: usize;
  sumDyDeviation: usize;
  /** [35c] f64: exact sums. */
  records: usize;
  /** [c] f64: numbers of values that exact sums are over; 0 where that is `count` for all. */
  counts: usize;
  /** Threads that may take part; another one does for each of `threadBytes` bytes that the call touches. */
  threads: usize;
  threadBytes: usize;
  /** Bytes that one thread may read twice and find in a near cache the second time. */
  tileBytes: usize;
  /** `workspaceBytes` bytes, aligned to 64. */
  workspace: usize;
  /** Whether the sums of this call are added to those of the one before, as another piece of the same tensors. */
  accumulate: i32;
  /** The type of tensors of 16 bits, by its number in kinds.ts; 0 of other tensors. */
  half: i32;
}

/** The arguments, and what the modules keep beside them. */
@unmanaged
export class Call extends Arguments {
  /** Where the pass that writes dx reads dy or, if the activation has parameters, dy through it: then in the output. */
  gradientAt: usize;
  /** The parameters of the activation as vectors of the tensor's type. */
  lines: usize;
  /** Bytes of an element that is computed with, and of a parameter: tensors of 16 bits are float32 there. */
  width: usize;
  /** Which kernel runs. */
  kernel: i32;
  /** Whether its sums are exact. */
  isExact: bool;
  /** Whether records are wanted, and not only what they come to. */
  keepsRecords: bool;
  /** Channels of a tile: c where the walk is by rows. */
  tileChannels: usize;
  /** Units of a walk by rows that threads share out: see walk.ts. */
  outer: usize;
  blocks: usize;
  chunks: usize;
  /** [2c] f64: two sums per channel. */
  totals: usize;
  /** [c] f64 each: the gradient sums of a backward. */
  ownSumDy: usize;
  ownSumDyDeviation: usize;
  /** [c] each, `coefficientBytes` apart. */
  coefficients: usize;
  coefficientBytes: usize;
  /**
   * Between the parameters of columns. Close together: a page apart they would fall into one place of the first cache
   * (channels last then took twice as long).
   */
  columnBytes: usize;
  /** [groups][2c] f64: the two sums of each group, where threads share the rows. */
  partials: usize;
  /** THREAD_BYTES for each thread. */
  own: usize;
  /** STRIP_BYTES for each thread, with tensors of 16 bits. */
  strips: usize;

  /** Bytes of an element where it is stored. */
  storedBytes(): usize {
    return this.half == 0 ? this.width : sizeof<u16>();
  }

  /** Where a thread keeps the lanes of columns, or of channels. */
  lanes(thread: usize): usize {
    return this.own + thread * THREAD_BYTES;
  }
  /** Where a thread keeps parameter number `index` of columns. */
  columns(thread: usize, index: usize): usize {
    return this.lanes(thread) + LANES_BYTES + index * this.columnBytes;
  }

  /** Where coefficient number `index` of the channels is. */
  coefficient(index: usize): usize {
    return this.coefficients + index * this.coefficientBytes;
  }

  /** Lays out the workspace. */
  prepare(width: usize): void {
    this.width = width;
    const columns = minOf(COLUMNS_AT_ONCE, stackedRows(this.c, this.s) * this.c * this.s);
    this.columnBytes = aligned(columns * width) + LINE_BYTES;
    this.coefficientBytes = aligned(this.c * width) + LINE_BYTES;
    this.gradientAt = this.activation == THREE_LINES ? this.output : this.dy;
    this.lines = this.workspace;
    if (this.activation == THREE_LINES) {
      if (width == 4) this.splatLines<f32>();
      else this.splatLines<f64>();
    }
    this.coefficients = this.lines + LINE_BYTES;
    this.totals = this.coefficients + COEFFICIENTS * this.coefficientBytes;
    this.ownSumDy = this.totals + aligned(2 * this.c * sizeof<f64>());
    this.ownSumDyDeviation = this.ownSumDy + aligned(this.c * sizeof<f64>());
    this.own = this.ownSumDyDeviation + aligned(this.c * sizeof<f64>());
    this.strips = this.own + this.threads * THREAD_BYTES;
    this.partials = this.strips + stripBytes(this);
    if (this.half == 0) return;
    prepareConstants();
    for (let t: usize = 0; t < this.threads; ++t) this.prepareStrip(t);
  }

  /**
   * The call as it is for a part of its tensors that a thread has as float32: what is written lies where that was read
   * which it may overwrite.
   */
  strip(thread: usize): Call {
    return changetype<Call>(this.strips + thread * STRIP_BYTES);
  }

  prepareStrip(thread: usize): void {
    const strip = this.strip(thread);
    memory.copy(changetype<usize>(strip), changetype<usize>(this), offsetof<Call>());
    strip.half = 0;
    const x = changetype<usize>(strip) + RECORD_BYTES;
    const dy = x + STRIP_TENSOR_BYTES;
    strip.x = x;
    if (this.dy != 0) strip.dy = dy;
    if (this.residual != 0) strip.residual = dy + STRIP_TENSOR_BYTES;
    if (this.dresidual != 0) strip.dresidual = dy + 2 * STRIP_TENSOR_BYTES;
    strip.output = this.dy != 0 ? dy : x;
    strip.gradientAt = dy;
  }

  /** Rounded, and as often as a vector holds them. */
  splatLines<T>(): void {
    for (let at = this.lines; at < this.lines + 16; at += sizeof<T>()) {
      store<T>(at, <T>this.slope);
      store<T>(at + 16, <T>this.low);
      store<T>(at + 32, <T>this.high);
    }
  }
}

function aligned(bytes: usize): usize {
  return (bytes + 63) & ~63;
}

/** Bytes of the strips of all threads. */
function stripBytes(call: Call): usize {
  return call.half == 0 ? 0 : call.threads * STRIP_BYTES;
}

/** Bytes that `prepare` lays out. In float64, where they cannot wrap round. */
export function workspaceBytes(call: Call): f64 {
  const pairs: f64 = call.threads > 1 ? <f64>groupsOf(call.n, call.c, call.s) : 0;
  const perChannel = (<f64>COEFFICIENTS + 4 + 2 * pairs) * <f64>call.c * sizeof<f64>();
  return perChannel + <f64>(call.threads * THREAD_BYTES + stripBytes(call)) + <f64>(64 * (2 * COEFFICIENTS + 5));
}
