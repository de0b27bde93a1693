// What the facade adds to the kernels: options, axes, statistics, state.
import type { BackendUnderTest } from '../support/backends.js';
import layer from './facade-layer.js';
import operations from './facade-operations.js';

export default function facade(backend: BackendUnderTest): void {
  operations(backend);
  layer(backend);
}
