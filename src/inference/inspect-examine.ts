/** An inspection, put together from its checks. */
import { distanceOf, outputGap } from './inspect-distance.js';
import type { Finding, Found, InspectedLayer } from './inspect-finding.js';
import { checkHistory } from './inspect-history.js';
import { checkInput } from './inspect-input.js';
import { checkParameters } from './inspect-parameters.js';
import type { Subject } from './inspect-subject.js';
import { describeInspection } from './inspect-text.js';

/** The result of {@link inspect}. */
export interface Inspection {
  /** Every layer that was looked at, with what is known of it. */
  layers: InspectedLayer[];
  /** The findings, layer by layer; empty if nothing is wrong. */
  findings: Finding[];
  /** All of it for people to read, in lines of at most 100 characters. */
  text: string;
}

export function examine(subjects: readonly Subject[]): Inspection {
  const layers: InspectedLayer[] = [];
  const findings: Finding[] = [];
  const counts = usualCount(subjects);
  for (const subject of subjects) {
    const { layer } = subject;
    const { seen, found } = examineLayer(subject);
    layers.push(seen);
    findings.push(...[...found, ...oddCount(subject, counts)].map((one) => ({ layer, ...one })));
  }
  return { layers, findings, text: describeInspection(layers, findings) };
}

function examineLayer(subject: Subject): { seen: InspectedLayer; found: Found[] } {
  const { layer, channels, measured, history } = subject;
  const { batches, startWeight, effectiveBatches, valuesPerBatch } = history;
  const distance = measured && channels > 0 ? distanceOf(subject, measured) : null;
  const found = [...checkParameters(subject), ...checkHistory(subject)];
  // Statistics that are not finite, or were never updated, make every distance meaningless.
  const isLost = found.some(({ severity }) => severity === 'error');
  if (measured && distance && !isLost) found.push(...checkInput(subject, measured, distance));
  const known = { startWeight, effectiveBatches, valuesPerBatch };
  const seen = {
    ...{ layer, channels, batchesTracked: batches ?? 0, ...known },
    meanShift: distance && largest(distance.mean),
    varianceShift: distance && largest(distance.variance),
    outputGap: distance && outputGap(subject, distance.gap),
  };
  return { seen, found };
}

function largest(values: Float64Array): number {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

/** The layers of a model are trained together, and so have taken in equally many batches. */
function usualCount(subjects: readonly Subject[]): number | null {
  const layers = new Map<number, number>();
  for (const { history } of subjects) {
    if (history.batches !== null) layers.set(history.batches, (layers.get(history.batches) ?? 0) + 1);
  }
  const [first, second] = [...layers].sort(([, a], [, b]) => b - a);
  return first === undefined || first[1] === second?.[1] ? null : first[0];
}

function oddCount({ history: { batches } }: Subject, usual: number | null): Found[] {
  if (batches === null || usual === null || batches === usual) return [];
  return [
    {
      ...{ kind: 'count', severity: 'warning', channels: null },
      numbers: { batchesTracked: batches, usual },
      message: `batchesTracked is ${batches}, and ${usual} in most layers`,
      means:
        'Layers that are trained together take in equally many batches: this one ran more or less often than ' +
        'the others.',
      advice:
        'Look for a layer that is used twice in a step, frozen for a while, left in evaluation mode, or added later.',
    },
  ];
}
