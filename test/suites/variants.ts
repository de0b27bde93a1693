// What a layer can do beside the plain form.
import type { BackendUnderTest } from '../support/backends.js';
import activations from './activations.js';
import axes from './axes.js';
import ghost from './ghost.js';
import groups from './groups.js';
import masks from './masks.js';
import mixture from './mixture.js';
import pieces from './pieces.js';
import population from './population.js';
import recorded from './recorded.js';
import renorm from './renorm.js';
import running from './running.js';
import sharedLayer from './shared-layer.js';
import statistics from './statistics.js';
import weights from './weights.js';

export default function variants(backend: BackendUnderTest): void {
  axes(backend);
  statistics(backend);
  running(backend);
  recorded(backend);
  sharedLayer(backend);
  ghost(backend);
  groups(backend);
  mixture(backend);
  renorm(backend);
  pieces(backend);
  masks(backend);
  population(backend);
  activations(backend);
  weights(backend);
}
