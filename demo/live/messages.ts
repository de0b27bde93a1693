/** What the page and the worker that trains tell each other. */
import type { LiveSettings } from './settings.js';
import type { Frame } from './trainer.js';

export type Request =
  | { readonly kind: 'start'; readonly run: number; readonly settings: LiveSettings; readonly running: boolean }
  | { readonly kind: 'play' }
  | { readonly kind: 'pause' }
  | { readonly kind: 'step' };

export type Report =
  | { readonly kind: 'ready'; readonly backend: string }
  | { readonly kind: 'failed'; readonly message: string }
  | {
      readonly kind: 'frame';
      /** Which start it belongs to: reports of an earlier one may still be on their way. */
      readonly run: number;
      readonly frame: Frame;
      /** Steps a second since the last report; 0 before the first. */
      readonly rate: number;
    };
