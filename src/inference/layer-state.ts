import { wrongKind } from '../arguments/messages.js';
import { type BatchNormState, FORMAT } from '../layer/state.js';

/**
 * The state of what should be a layer; one of another copy of this library is one too.
 *
 * @throws TypeError for anything else
 */
export function stateOf(call: string, name: string, layer: unknown, wanted = 'a BatchNorm'): BatchNormState {
  const { state } = Object(layer) as { readonly state?: unknown };
  const written: Partial<BatchNormState> | null = typeof state === 'function' ? state.call(layer) : null;
  if (written?.format !== FORMAT) throw wrongKind(call, name, wanted, layer);
  return written as BatchNormState;
}
