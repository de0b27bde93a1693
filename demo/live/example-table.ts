/** The worked example in the page. */
import { byId } from './controls.js';
import { EXAMPLE, FEATURES, fourSteps, type Reading } from './worked-example.js';

const OTHERS = ['gamma', 'beta', 'epsilon'] as const;

/** Fills the table, and again whenever a number is changed. */
export function showExample(): void {
  const inputs = EXAMPLE.map((row, i) => row.map((_, j) => byId<HTMLInputElement>(`x${i}${j}`)));
  const others = OTHERS.map((name) => byId<HTMLInputElement>(name));
  const reading = byId<HTMLSelectElement>('reading');
  const fill = () => {
    const [gamma, beta, epsilon] = others.map(numberIn);
    const steps = fourSteps(
      inputs.map((row) => row.map(numberIn)),
      { gamma, beta, epsilon: Math.max(0, epsilon), reading: reading.value as Reading },
    );
    for (let j = 0; j < FEATURES; j++) {
      byId(`mean${j}`).textContent = shown(steps.mean[j]);
      byId(`variance${j}`).textContent = shown(steps.variance[j]);
      for (let i = 0; i < EXAMPLE.length; i++) {
        byId(`normalized${i}${j}`).textContent = rounded(steps.normalized[i][j]);
        byId(`y${i}${j}`).textContent = rounded(steps.y[i][j]);
      }
    }
  };
  for (const input of [...inputs.flat(), ...others, reading]) input.addEventListener('input', fill);
  fill();
}

/** What is no number yet counts as 0. */
function numberIn({ valueAsNumber }: HTMLInputElement): number {
  return Number.isFinite(valueAsNumber) ? valueAsNumber : 0;
}

/** To three places, or as a power of ten where that would be 0. */
function shown(value: number): string {
  const isSmall = Math.abs(value) > 0 && Math.abs(value) < 5e-4;
  return isSmall ? value.toExponential(2).replaceAll('-', '−') : rounded(value);
}

function rounded(value: number): string {
  return value
    .toFixed(3)
    .replace(/^-(?=0\.000$)/, '')
    .replace('-', '−');
}
