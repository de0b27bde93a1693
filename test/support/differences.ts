/** Gradients against central differences of what they are gradients of, in float64. */
import type { Activation } from 'batchnorm';

export const STEP = 2 ** -17;
/** A difference of third order, (2⁻¹⁷)² times third derivatives of up to 300, and rounding, 2⁻⁵³·100/2⁻¹⁷. */
const BOUND = 3e-8;

/** A loss, and where its slopes are looked at. */
interface Problem<Point extends Record<keyof Point, Float64Array>> {
  readonly point: Point;
  loss(point: Point): number;
}

/** The slope of the loss along one coordinate. */
function difference<Point extends Record<keyof Point, Float64Array>>(
  problem: Problem<Point>,
  sample: keyof Point,
  k: number,
): number {
  const moved = (by: number) => {
    const array = problem.point[sample].slice();
    array[k] += by;
    return problem.loss({ ...problem.point, [sample]: array });
  };
  return (moved(STEP) - moved(-STEP)) / (2 * STEP);
}

/** null, or what differs. */
export function wrongIn<Point extends Record<keyof Point, Float64Array>>(
  problem: Problem<Point>,
  sample: keyof Point,
  gradient: Float64Array,
): string | null {
  for (let k = 0; k < problem.point[sample].length; k++) {
    const slope = difference(problem, sample, k);
    if (!(Math.abs(gradient[k] - slope) <= BOUND * (1 + Math.abs(slope))))
      return `d${String(sample)}[${k}]: ${gradient[k]}, by differences ${slope}`;
  }
  return null;
}

/** Where an activation has no slope. */
export function kinksOf(activation: Activation): number[] {
  return typeof activation === 'object' && activation.name === 'clip' ? [activation.min, activation.max] : [0];
}
