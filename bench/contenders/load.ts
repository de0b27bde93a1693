/** Everyone who takes part in a process. */
import type { Contender } from '../contender.js';
import type { Assignment } from '../messages.js';
import { loadOurs, type Way } from './ours.js';
import { loadTfjs } from './tfjs.js';

/** @param note - told who is left out, and why. */
export async function loadContenders(assignment: Assignment, note: (text: string) => void): Promise<Contender[]> {
  const { backends, summation, dtypes, peers, allowed, alloc, layer, isFirst } = assignment;
  const ways: Way[] = ['reuse', ...(alloc ? (['alloc'] as const) : []), ...(layer ? (['layer'] as const) : [])];
  const found: Contender[] = [];
  const add = async (name: string, load: () => Contender | Promise<Contender>) => {
    try {
      const contender = await load();
      const isKnown = found.some(({ peer, variant }) => peer === contender.peer && variant === contender.variant);
      if (!isKnown && (isFirst || contender.scales)) found.push(contender);
    } catch (error) {
      note(`${name} is left out: ${reason(error)}`);
    }
  };
  for (const way of ways) {
    for (const spec of backends) {
      for (const dtype of dtypes) {
        for (const sums of summation) {
          const name = [spec, sums === 'exact' && sums, dtype !== 'float32' && dtype].filter(Boolean).join(' ');
          await add(name, () => loadOurs(spec, allowed, way, sums, dtype));
        }
      }
    }
    if (way !== 'layer' && peers.includes('ort-node')) {
      await add('onnxruntime-node', async () => {
        // Its packages are not among those that the command asks for.
        const { loadOnnxRuntime } = await import('./onnxruntime.js');
        return loadOnnxRuntime(allowed, way);
      });
    }
  }
  if (isFirst && peers.includes('tfjs-wasm')) await add('tfjs-wasm', () => loadTfjs('wasm'));
  if (isFirst && peers.includes('tfjs-cpu')) await add('tfjs-cpu', () => loadTfjs('cpu'));
  return found;
}

function reason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code?.endsWith('MODULE_NOT_FOUND') && /'(onnxruntime-node|protobufjs)/.test(message)) {
    return 'it is not installed; in a clone npm run bench:peers installs it';
  }
  return message;
}
