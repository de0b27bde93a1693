/** The variants of a layer, in the order in which they take part. */
import { refuseSingleGroup } from '../arguments/validate.js';
import type { MomentArrays } from '../channels/moment-arrays.js';
import { refuseNonFinite } from '../channels/non-finite.js';
import { type Part, rowsOf } from '../passes/arrange.js';
import { hasValues } from '../passes/part-statistics.js';
import { Variant } from '../passes/variant.js';
import type { Synchronization } from '../ranks/synchronize.js';
import { Renorm, type RenormAverages } from './renorm.js';
import { groupsOf, type Settings } from './settings.js';

export function variantsOf(
  channels: number,
  averages: RenormAverages | null,
  settings: Settings,
  ranks: Synchronization | null,
): readonly Variant[] {
  const { ghostBatchSize, singleValue, onNonFinite } = settings;
  // Groups of channels have several values in any case. A batch that is one part is checked before the forward begins.
  const isAlone = groupsOf(settings, channels) === null;
  const looksAtSizes = singleValue === 'throw' && isAlone && (ranks !== null || ghostBatchSize !== null);
  const variants = [
    ranks,
    looksAtSizes ? new RefusedSingleValues(ranks !== null) : null,
    onNonFinite === 'throw' ? new RefusedNonFinite() : null,
    averages && new Renorm(averages, settings.renorm!),
  ];
  return variants.filter((variant) => variant !== null);
}

/** One value per channel has no variance. Where statistics are shared, what counts is the batch over all ranks. */
class RefusedSingleValues extends Variant {
  readonly #isShared: boolean;

  constructor(isShared: boolean) {
    super();
    this.#isShared = isShared;
  }

  override statistics(call: string, batches: readonly MomentArrays[], parts: readonly Part[]): readonly MomentArrays[] {
    const single = parts.findIndex((part, i) => this.#isSingle(part, batches[i]));
    if (single >= 0) refuseSingleGroup(call, single, parts.length, this.#isShared);
    return batches;
  }

  #isSingle(part: Part, { count, variance }: MomentArrays): boolean {
    if (this.#isShared) return count[0] === 1 && !variance.some((value) => value > 0);
    return part.start < part.end && rowsOf(part) === 1;
  }
}

class RefusedNonFinite extends Variant {
  override statistics(call: string, batches: readonly MomentArrays[]): readonly MomentArrays[] {
    refuseNonFinite(call, 'x', batches.filter(hasValues));
    return batches;
  }
}
