/** Why a layer may differ from another framework: the usual mistakes, each undone and tried. */
import { type AnyDtype, type AnyTensor, BatchNorm, type BatchNormState } from '../index.js';

/** A mistake that may have been made, in words that follow "with", and the layer without it. */
interface Suspect {
  readonly words: string;
  readonly state: BatchNormState<AnyDtype>;
  readonly training?: boolean;
}

/** The usual values of frameworks. */
const EPSILONS = [1e-3, 1e-5, 1e-6, 1e-8, 1e-12, 0];

function suspectsOf(state: BatchNormState<AnyDtype>): Suspect[] {
  const { epsilon, axis, gamma, beta, runningMean, runningVariance } = state;
  const epsilons = EPSILONS.filter((value) => value !== epsilon);
  const swapped = { ...state, scale: state.center, center: state.scale, gamma: beta, beta: gamma };
  return [
    ...epsilons.map((value) => ({ words: `epsilon ${value}`, state: { ...state, epsilon: value } })),
    { words: `axis ${axis === 1 ? -1 : 1}`, state: { ...state, axis: axis === 1 ? -1 : 1 } },
    { words: 'gamma and beta exchanged', state: swapped },
    {
      words: 'mean and variance exchanged',
      state: { ...state, runningMean: runningVariance, runningVariance: runningMean },
    },
    {
      words: 'the statistics of the sample itself, as in training',
      state: { ...state, singleValue: 'allow' },
      training: true,
    },
  ];
}

/**
 * The first mistake without which the layer gives what was expected.
 *
 * @param fits whether a result is that
 */
export function explain<T extends AnyTensor>(
  layer: BatchNorm<T>,
  x: T,
  shape: readonly number[],
  fits: (y: T) => boolean,
): string | null {
  for (const { words, state, training = false } of suspectsOf(layer.state())) {
    try {
      if (fits(BatchNorm.fromState<T>(state).train(training).forward(x, shape))) return words;
    } catch {
      // Not with this shape, or these values.
    }
  }
  return null;
}
