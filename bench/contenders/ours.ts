/** This library, by the functions and the class that a user calls. */
import { createRequire, register } from 'node:module';
import type { BackendName, Summation } from 'batchnorm';
import type { Contender, Opened } from '../contender.js';
import { EPSILON, type Outputs, type Problem, widen } from '../problem.js';
import { type ElementType, isWhole, type Operation, type SumOperation, type WholeOperation } from '../shapes.js';

type Facade = typeof import('batchnorm');

/**
 * 'reuse': results go into arrays that are given. 'alloc': into new ones. 'layer': as 'reuse', by the class
 * BatchNorm.
 */
export type Way = 'reuse' | 'alloc' | 'layer';

register('./facade-hooks.js', import.meta.url);
const { version } = createRequire(import.meta.url)('batchnorm/package.json') as { version: string };

/**
 * @param spec 'native', 'wasm', 'reference', or with an instruction set: 'native/baseline'
 * @param summation how statistics and gradient sums are summed
 * @param dtype of the tensors
 * @throws where it cannot run here
 */
export async function loadOurs(
  spec: string,
  threads: number,
  way: Way,
  summation: Summation,
  dtype: ElementType = 'float32',
): Promise<Contender> {
  const [name, isa] = spec.split('/') as [BackendName, string | undefined];
  // The ES modules, since CommonJS ones exist once in a process, whatever the query.
  const url = new URL(`../../dist/index.js?facade=${encodeURIComponent(spec)}`, import.meta.url);
  const facade = (await import(url.href)) as Facade;
  const info = facade.useBackend(name, { isa, threads });
  return {
    peer: `batchnorm-${info.name}`,
    variant: [info.isa, way !== 'reuse' && way, summation === 'exact' && summation, dtype !== 'float32' && dtype]
      .filter(Boolean)
      .join(' '),
    threads: info.threads,
    scales: info.name === 'native',
    ours: true,
    dtype,
    summation,
    version,
    open: async (problem, operation) => {
      const calls = callsOf(facade, problem, operation, way, summation);
      return calls && { ...calls, isAsync: false, close: async () => {} };
    },
  };
}

type Calls = Pick<Opened, 'call' | 'outputs'>;

/** Null where a layer does not have the operation. */
function callsOf(facade: Facade, problem: Problem, operation: Operation, way: Way, summation: Summation): Calls | null {
  if (!isWhole(operation)) return way === 'reuse' ? byClasses(facade, problem, operation, summation) : null;
  if (way === 'layer') return byLayer(facade, problem, operation, summation);
  return byFunctions(facade, problem, operation, way === 'reuse', summation);
}

/** Sums alone, each in an object of its own. */
function byClasses(facade: Facade, problem: Problem, operation: SumOperation, summation: Summation): Calls {
  const { dims, axis, gamma, mean, variance, truth } = problem;
  const { x, dy, type } = tensorsOf(problem);
  const channels = gamma.length;
  if (operation === 'statistics') {
    let moments = new facade.Moments(channels, { summation });
    const call = () => {
      moments = new facade.Moments(channels, { summation }).add(x, dims, { axis, ...type });
    };
    return { call, outputs: async () => ({ mean: moments.mean, variance: moments.variance }) };
  }
  let sums = new facade.GradientSums(channels, { summation });
  const given = { axis, epsilon: EPSILON, mean, variance, ...type };
  const call = () => {
    sums = new facade.GradientSums(channels, { summation }).add(dy, x, dims, given);
  };
  const outputs = async () => ({
    dbeta: Float32Array.from(sums.sumDy),
    dgamma: Float32Array.from(sums.sumDyDeviation.map((value, ch) => value * truth.rstd[ch])),
  });
  return { call, outputs };
}

/**
 * Options are made beforehand and kept, so that nothing is allocated in what is timed but what the library
 * allocates.
 */
function byFunctions(
  facade: Facade,
  problem: Problem,
  operation: WholeOperation,
  reuse: boolean,
  summation: Summation,
): Calls {
  const { dims, axis, gamma, beta, mean, variance, out } = problem;
  const { x, dy, y: outY, dx: outDx, type } = tensorsOf(problem);
  const common = { axis, epsilon: EPSILON, gamma, ...type };
  const training = {
    ...common,
    beta,
    summation,
    ...(reuse && { out: outY, outMean: out.mean, outVariance: out.variance }),
  };
  const inference = { ...common, beta, mean, variance, ...(reuse && { out: outY }) };
  const outs = reuse && { out: outDx, outGamma: out.dgamma, outBeta: out.dbeta };
  const gradient = { ...common, mean, variance, summation, ...outs };
  let y: Float32Array | undefined;
  let forward: Outputs = {};
  let backward: Outputs = {};
  const calls: Record<WholeOperation, () => void> = {
    'fwd-train': () => {
      forward = facade.forwardTraining(x, dims, training);
    },
    inference: () => {
      y = facade.forwardInference(x, dims, inference);
    },
    bwd: () => {
      backward = facade.backward(dy, x, dims, gradient);
    },
    step: () => {
      const results = facade.forwardTraining(x, dims, training);
      gradient.mean = results.mean;
      gradient.variance = results.variance;
      forward = results;
      backward = facade.backward(dy, x, dims, gradient);
    },
  };
  const outputs = async () => widened(problem, { ...(y && { y }), ...forward, ...backward });
  return { call: calls[operation], outputs };
}

/** A layer always writes its gradients of gamma and beta into arrays of its own. */
function byLayer(facade: Facade, problem: Problem, operation: WholeOperation, summation: Summation): Calls {
  const { dims, axis, gamma, beta, mean, variance } = problem;
  const { x, dy, type, ...out } = tensorsOf(problem);
  const layer = new facade.BatchNorm(gamma.length, { axis, epsilon: EPSILON, summation, ...type });
  layer.gamma!.set(gamma);
  layer.beta!.set(beta);
  layer.runningMean.set(mean);
  layer.runningVariance.set(variance);
  layer.training = operation !== 'inference';
  const y = { out: out.y };
  const dx = { out: out.dx };
  const forward = () => void layer.forward(x, dims, y);
  const backward = () => void layer.backward(dy, dx);
  const calls: Record<WholeOperation, () => void> = {
    'fwd-train': forward,
    inference: forward,
    bwd: backward,
    step: () => {
      forward();
      backward();
    },
  };
  if (operation === 'bwd') forward();
  const gradients = (): Outputs => ({ dx: out.dx, dgamma: layer.dgamma!, dbeta: layer.dbeta! });
  const outputs = async () =>
    widened(problem, {
      ...(operation !== 'bwd' && { y: out.y }),
      ...((operation === 'bwd' || operation === 'step') && gradients()),
    });
  return { call: calls[operation], outputs };
}

/** The tensors of a case: those of 16 bits go where float32 goes, with an option that says what they are. */
interface Tensors {
  readonly x: Float32Array;
  readonly dy: Float32Array;
  readonly y: Float32Array;
  readonly dx: Float32Array;
  readonly type: { dtype?: never };
}

function tensorsOf({ x, dy, halves, out, dtype }: Problem): Tensors {
  if (halves === null) return { x, dy, y: out.y, dx: out.dx, type: {} };
  return { ...halves, type: { dtype } } as object as Tensors;
}

/** Results as float32, to be checked. */
function widened({ dtype, halves, out }: Problem, outputs: Outputs): Outputs {
  if (halves === null || dtype === 'float32') return outputs;
  const numbers = (bits: Float32Array | undefined, to: Float32Array) =>
    bits && widen(dtype, bits as object as Uint16Array, to);
  const [y, dx] = [numbers(outputs.y, out.y), numbers(outputs.dx, out.dx)];
  return { ...outputs, ...(y && { y }), ...(dx && { dx }) };
}
