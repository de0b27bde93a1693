/** This library, by the functions that a user calls. */
import { createRequire, register } from 'node:module';
import type { BackendName } from 'batchnorm';
import type { Contender, Opened } from '../contender.js';
import { EPSILON, type Outputs, type Problem } from '../problem.js';
import type { Operation } from '../shapes.js';

type Facade = typeof import('batchnorm');

/** 'reuse': results go into arrays that are given. 'alloc': into new ones. */
export type Memory = 'reuse' | 'alloc';

register('./facade-hooks.js', import.meta.url);
const { version } = createRequire(import.meta.url)('batchnorm/package.json') as { version: string };

/**
 * @param spec 'native', 'wasm', 'reference', or with an instruction set: 'native/baseline'
 * @throws where it cannot run here
 */
export async function loadOurs(spec: string, threads: number, memory: Memory): Promise<Contender> {
  const [name, isa] = spec.split('/') as [BackendName, string | undefined];
  const url = `${import.meta.resolve('batchnorm')}?facade=${encodeURIComponent(spec)}`;
  const facade = (await import(url)) as Facade;
  const info = facade.useBackend(name, { isa, threads });
  return {
    peer: `batchnorm-${info.name}`,
    variant: memory === 'reuse' ? info.isa : `${info.isa} alloc`,
    threads: info.threads,
    scales: info.name === 'native',
    ours: true,
    version,
    open: async (problem, operation) => open(facade, problem, operation, memory),
  };
}

/** What the three functions are given. */
function settings({ axis, gamma, beta, mean, variance, out }: Problem, memory: Memory) {
  const common = { axis, epsilon: EPSILON, gamma };
  const reuse = memory === 'reuse';
  const given = { ...common, mean, variance };
  return {
    training: { ...common, beta, ...(reuse && { out: out.y, outMean: out.mean, outVariance: out.variance }) },
    inference: { ...given, beta, ...(reuse && { out: out.y }) },
    backward: { ...given, ...(reuse && { out: out.dx, outGamma: out.dgamma, outBeta: out.dbeta }) },
  };
}

function open(facade: Facade, problem: Problem, operation: Operation, memory: Memory): Opened {
  const { x, dy, dims } = problem;
  const options = settings(problem, memory);
  const calls: Record<Operation, () => Outputs> = {
    'fwd-train': () => facade.forwardTraining(x, dims, options.training),
    inference: () => ({ y: facade.forwardInference(x, dims, options.inference) }),
    bwd: () => facade.backward(dy, x, dims, options.backward),
    step: () => {
      const forward = facade.forwardTraining(x, dims, options.training);
      const { mean, variance } = forward;
      return { ...forward, ...facade.backward(dy, x, dims, { ...options.backward, mean, variance }) };
    },
  };
  let last: Outputs = {};
  const call = calls[operation];
  return {
    call: () => {
      last = call();
    },
    isAsync: false,
    outputs: async () => last,
    close: async () => {
      last = {};
    },
  };
}
