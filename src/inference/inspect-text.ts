/** An inspection for people to read. */
import { type Finding, figure, type InspectedLayer } from './inspect-finding.js';

const WIDTH = 100;

export function describeInspection(layers: readonly InspectedLayer[], findings: readonly Finding[]): string {
  const parts = layers.map((layer) => {
    const own = findings.filter((finding) => finding.layer === layer.layer);
    const verdict =
      own.length === 0 ? 'nothing is wrong' : `${own.length} ${own.length === 1 ? 'finding' : 'findings'}`;
    return [wrapped(`${layer.layer}: ${verdict} (${known(layer)})`, '', '  '), ...own.map(paragraph)].join('\n');
  });
  return parts.join('\n\n');
}

function known(layer: InspectedLayer): string {
  const { channels, batchesTracked, effectiveBatches, valuesPerBatch, meanShift, outputGap } = layer;
  const parts = [`${channels} ${channels === 1 ? 'channel' : 'channels'}`];
  if (batchesTracked > 0) parts.push(`${batchesTracked} ${batchesTracked === 1 ? 'batch' : 'batches'} tracked`);
  if (effectiveBatches !== null) parts.push(`${figure(effectiveBatches)} in the average`);
  if (valuesPerBatch !== null) parts.push(`m ${figure(valuesPerBatch)}`);
  if (meanShift !== null) parts.push(`mean within ${figure(meanShift)} σ of x`);
  if (outputGap !== null) parts.push(`output gap ${figure(outputGap)}`);
  return parts.join(', ');
}

function paragraph({ severity, kind, message, means, advice }: Finding): string {
  const lines = [wrapped(`${severity} ${kind}: ${message}.`, '  ', '    ')];
  for (const sentence of [means, advice]) lines.push(wrapped(sentence, '    ', '    '));
  return lines.join('\n');
}

/** In lines that end between words. */
function wrapped(text: string, first: string, rest: string): string {
  const lines: string[] = [];
  let line = first;
  let isEmpty = true;
  for (const word of text.split(' ')) {
    if (!isEmpty && line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = rest;
      isEmpty = true;
    }
    line += isEmpty ? word : ` ${word}`;
    isEmpty = false;
  }
  return [...lines, line].join('\n');
}
