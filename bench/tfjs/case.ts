/** A case that is timed with each of the two layers. */
import type { HostName, LayerName } from './host.js';

export interface Case {
  readonly name: string;
  readonly title: string;
  readonly hosts: readonly HostName[];
  /** Makes ready on the backend of TensorFlow.js that is in use. */
  open(layer: LayerName): Entry;
}

export interface Entry {
  /** One step. */
  call(): unknown;
  readonly isAsync: boolean;
  /** After the steps of validation: what is wrong with their results, if anything. */
  check(): string | null;
  close(): void;
}
