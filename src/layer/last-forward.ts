/** The last forward of a layer, and whether a backward that comes can be meant for it. */
import { fitsGradient, replacedInput, replaces, requireInput, type Saved } from '../passes/saved.js';
import type { AnyTensor } from '../types.js';

export class LastForward<T extends AnyTensor> {
  #saved: Saved<T> | null = null;
  /** Whether it is one of training, which a backward follows as a rule. */
  #due = false;
  /** Whether it has had a backward. */
  #answered = false;
  /** Whether it took the place of another one, of another batch, that had none. */
  #replaced = false;

  /** @param due whether a backward follows as a rule */
  replace(saved: Saved<T>, due: boolean): void {
    // The forward before, if its backward may still be to come.
    const open = due && this.#due && !this.#answered ? this.#saved : null;
    this.#replaced = open !== null && (this.#replaced ? fitsGradient(open, saved) : replaces(open, saved));
    this.#due = due;
    this.#answered = false;
    this.#saved = saved;
  }

  /** @throws Error with code ERR_BATCHNORM_NO_INPUT where there is none, or a backward cannot be meant for it */
  require(call: string): Saved<T> {
    const saved = requireInput(call, this.#saved);
    if (this.#answered && this.#replaced) throw replacedInput(call);
    return saved;
  }

  /** A backward has come to its end. */
  answer(): void {
    this.#answered = true;
  }

  forget(): void {
    this.#saved = null;
    this.#replaced = false;
  }
}
