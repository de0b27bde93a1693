/** Every kernel of the contract called on the same inputs, all outputs kept. */
import { type Activation, clip, leakyRelu, type Tensor } from 'batchnorm';
import { kernelActivation } from '#dist/arguments/activation.js';
import {
  type Affine,
  type ExactTensorKernels,
  type KernelActivation,
  type Kernels,
  RECORD,
  type TensorKernels,
} from '#dist/kernels.js';
import type { KernelInputs } from './data.js';
import {
  exactTableOf,
  Guarded,
  type KernelDtype,
  type KernelTensor,
  numbersOf,
  parameterDtype,
  tableOf,
} from './tensors.js';

/** How the kernels are called. */
export interface Variant {
  readonly gamma: boolean;
  readonly beta: boolean;
  readonly residual: boolean;
  readonly activation: Activation;
  /** Where y and dx, and dresidual, go. */
  readonly place: 'apart' | 'over x and dy' | 'over residual and dy';
}

const PLAIN: Variant = { gamma: false, beta: false, residual: false, activation: 'none', place: 'apart' };
const FULL: Variant = { gamma: true, beta: true, residual: true, activation: 'relu', place: 'apart' };

/** The few that meet every pair of options. */
export const VARIANTS: readonly Variant[] = [
  PLAIN,
  FULL,
  { ...PLAIN, gamma: true, beta: true, place: 'over x and dy' },
  { ...PLAIN, beta: true, activation: 'relu', place: 'over x and dy' },
  { ...FULL, beta: false, activation: 'none', place: 'over residual and dy' },
  { ...FULL, gamma: false, place: 'over residual and dy' },
  { ...FULL, activation: 'none', place: 'over x and dy' },
  { ...FULL, residual: false },
  { ...FULL, activation: leakyRelu(0.1) },
  { ...FULL, residual: false, activation: clip(-0.3, 1.1), place: 'over x and dy' },
  { ...FULL, activation: 'relu6', place: 'over residual and dy' },
  { ...PLAIN, activation: leakyRelu(-1.5) },
];

export type Outputs = Map<string, Tensor>;

/** The numbers that every kernel gave, by name, and what was written elsewhere (null if nothing was). */
export interface Result {
  readonly outputs: Outputs;
  readonly violation: string | null;
}

export function callAll(kernels: Kernels, inputs: KernelInputs, variant: Variant, offset = 0): Result {
  return new Calls(kernels, inputs, variant, offset).all();
}

class Calls {
  readonly #kernels: TensorKernels<KernelTensor, Tensor>;
  readonly #exact: ExactTensorKernels<KernelTensor> | null;
  readonly #inputs: KernelInputs;
  readonly #variant: Variant;
  readonly #guarded: Guarded;
  readonly #outputs = new Map<string, KernelTensor>();

  constructor(kernels: Kernels, inputs: KernelInputs, variant: Variant, offset: number) {
    this.#kernels = tableOf(kernels, inputs.dtype);
    this.#exact = exactTableOf(kernels, inputs.dtype);
    this.#inputs = inputs;
    this.#variant = variant;
    this.#guarded = new Guarded(offset);
  }

  all(): Result {
    const { c } = this.#inputs.view;
    const batch = this.#affine(this.#perChannel('statistics: mean'), this.#perChannel('statistics: variance'));
    this.#kernels.statistics(batch.mean, batch.variance, this.#inputs.x, this.#inputs.view);
    // Statistics that are not those of the batch: also 0, and a channel that is very different.
    const given = this.#affine(
      Float64Array.from({ length: c }, (_, ch) => [0.1, -3, 0, 1e5][ch % 4]),
      Float64Array.from({ length: c }, (_, ch) => [1, 0.01, 0, 7, 1e6][ch % 5]),
    );
    this.#normalize('normalize', batch);
    this.#normalize('normalize by given', given);
    this.#forward();
    const sums = {
      sumDy: this.#perChannel('gradientSums: sumDy'),
      sumDyDeviation: this.#perChannel('gradientSums: sumDyDeviation'),
    };
    const { dy, x, view } = this.#inputs;
    this.#kernels.gradientSums(sums, dy, x, this.#residual(), batch, this.#activation(), view);
    this.#gradientInput('gradientInput', batch, sums, view.n * view.s);
    this.#gradientInput('gradientInput of a larger batch', batch, sums, 3 * view.n * view.s + 1);
    this.#gradientInput('gradientInput by given', given, null, 0);
    this.#backward('backward', batch, true);
    this.#backward('backward by given', given, false);
    if (this.#exact !== null) this.#exactly(this.#exact, given);
    const { dtype } = this.#inputs;
    const numbers = [...this.#outputs].map(([name, array]) => [name, numbersOf(dtype, array)] as const);
    return { outputs: new Map(numbers), violation: this.#guarded.violation() };
  }

  #normalize(title: string, affine: Affine): void {
    const { y, x, residual } = this.#forwardArrays(title);
    this.#kernels.normalize(y, x, residual, affine, this.#activation(), this.#inputs.view);
  }

  #forward(): void {
    const { y, x, residual } = this.#forwardArrays('forward');
    this.#kernels.forward(y, x, residual, this.#ownAffine('forward'), this.#activation(), this.#inputs.view);
  }

  /** The passes by exact sums, with records and without. */
  #exactly(exact: ExactTensorKernels<KernelTensor>, given: Affine): void {
    const records = this.#output('exactForward: records', 'float64', RECORD.numbers * this.#inputs.view.c);
    const batch = this.#exactForward(exact, 'exactForward', records as Float64Array);
    this.#exactForward(exact, 'exactForward without records', null);
    const backward = exact.exactBackward as TensorKernels<KernelTensor, Tensor>['backward'];
    this.#backward('exactBackward', batch, true, backward);
    this.#backward('exactBackward by given', given, false, backward);
  }

  #exactForward(exact: ExactTensorKernels<KernelTensor>, title: string, records: Float64Array | null): Affine {
    const { y, x, residual } = this.#forwardArrays(title);
    const affine = this.#ownAffine(title) as Affine<Float32Array>;
    exact.exactForward(y, x, residual, affine, this.#activation(), records, this.#inputs.view);
    return affine;
  }

  /** Of statistics that are to be computed. */
  #ownAffine(title: string): Affine {
    return this.#affine(this.#perChannel(`${title}: mean`), this.#perChannel(`${title}: variance`));
  }

  #gradientInput(title: string, affine: Affine, sums: Parameters<Kernels['gradientInput']>[7], count: number): void {
    const { dx, dresidual, dy } = this.#backwardArrays(title);
    const { x, view } = this.#inputs;
    const residual = this.#residual();
    this.#kernels.gradientInput(dx, dresidual, dy, x, residual, affine, this.#activation(), sums, count, view);
  }

  #backward(title: string, affine: Affine, batch: boolean, kernel = this.#kernels.backward): void {
    const { dx, dresidual, dy } = this.#backwardArrays(title);
    const { x, view, dtype } = this.#inputs;
    const dgamma = this.#output(`${title}: dgamma`, parameterDtype(dtype), view.c) as Tensor;
    const dbeta = this.#output(`${title}: dbeta`, parameterDtype(dtype), view.c) as Tensor;
    const activation = this.#activation();
    const residual = this.#residual();
    kernel(dx, dresidual, dgamma, dbeta, dy, x, residual, affine, activation, batch, view);
  }

  #forwardArrays(title: string): { y: KernelTensor; x: KernelTensor; residual: KernelTensor | null } {
    const { x, dtype } = this.#inputs;
    const residual = this.#residual();
    const { place } = this.#variant;
    if (place === 'over x and dy') {
      const y = this.#over(`${title}: y`, x);
      return { y, x: y, residual };
    }
    if (place === 'over residual and dy' && residual !== null) {
      const y = this.#over(`${title}: y`, residual);
      return { y, x: this.#guarded.input(x), residual: y };
    }
    return { y: this.#output(`${title}: y`, dtype, x.length), x: this.#guarded.input(x), residual };
  }

  #backwardArrays(title: string): { dx: KernelTensor; dresidual: KernelTensor | null; dy: KernelTensor } {
    const { dy, dtype } = this.#inputs;
    const { place, residual } = this.#variant;
    const name = `${title}: dresidual`;
    if (place === 'over x and dy') {
      const dx = this.#over(`${title}: dx`, dy);
      return { dx, dresidual: residual ? this.#output(name, dtype, dy.length) : null, dy: dx };
    }
    const dx = this.#output(`${title}: dx`, dtype, dy.length);
    if (place === 'over residual and dy' && residual) {
      const dresidual = this.#over(name, dy);
      return { dx, dresidual, dy: dresidual };
    }
    return { dx, dresidual: residual ? this.#output(name, dtype, dy.length) : null, dy: this.#guarded.input(dy) };
  }

  #affine(mean: Float64Array, variance: Float64Array): Affine {
    const { gamma, beta, epsilon } = this.#inputs;
    return {
      mean,
      variance,
      gamma: this.#variant.gamma ? this.#guarded.input(gamma) : null,
      beta: this.#variant.beta ? this.#guarded.input(beta) : null,
      epsilon,
    };
  }

  #activation(): KernelActivation {
    return kernelActivation(this.#variant.activation);
  }

  #residual(): KernelTensor | null {
    return this.#variant.residual ? this.#guarded.input(this.#inputs.residual) : null;
  }

  #perChannel(name: string): Float64Array {
    return this.#output(name, 'float64', this.#inputs.view.c) as Float64Array;
  }

  #output(name: string, dtype: KernelDtype, length: number): KernelTensor {
    const array = this.#guarded.output(dtype, length);
    this.#outputs.set(name, array);
    return array;
  }

  #over(name: string, input: KernelTensor): KernelTensor {
    const array = this.#guarded.inPlace(input);
    this.#outputs.set(name, array);
    return array;
  }
}
