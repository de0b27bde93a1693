/** The configuration of a Keras `BatchNormalization`, as far as it concerns a layer here. */

import { expected, list, wrongKind, wrongValue } from '../arguments/messages.js';
import { readOwn } from '../arguments/options.js';
import { checkBoolean } from '../arguments/validate.js';
import type { AnyDtype, BatchNormOptions, BatchNormState } from '../index.js';

/**
 * The configuration of a Keras `BatchNormalization`, with Keras' names and defaults. Other fields (names, initializers,
 * regularizers) are ignored.
 */
export interface KerasConfig {
  /** The axis of the channels, or a list with this one axis, as tf.keras writes it. Default −1. */
  axis?: number | readonly number[] | undefined;
  /** How much of the old moving statistics is kept; this library calls it decay. Default 0.99. */
  momentum?: number | undefined;
  /** epsilon, which is added to the variance. Default 1e-3. */
  epsilon?: number | undefined;
  /** Whether the layer has a beta. Default true. */
  center?: boolean | undefined;
  /** Whether the layer has a gamma. Default true. */
  scale?: boolean | undefined;
}

/** The configuration of a layer of this library, with Keras' names. */
export interface WrittenConfig {
  axis: number;
  momentum: number;
  epsilon: number;
  center: boolean;
  scale: boolean;
}

/** Options of tf.keras alone: other arithmetic in training, some of it with weights of its own. */
interface Variants {
  readonly renorm?: unknown;
  readonly virtual_batch_size?: unknown;
}

type Said = Pick<BatchNormOptions, 'axis' | 'decay' | 'updateRate' | 'epsilon' | 'scale' | 'center'>;

/** As options; an option that was given as well is one too many. */
export function readConfig(call: string, given: KerasConfig, options: Said): Said {
  const config: KerasConfig & Variants = readOwn(call, 'config', given);
  for (const name of ['axis', 'decay', 'updateRate', 'epsilon', 'scale', 'center'] as const) {
    if (options[name] !== undefined) throw wrongKind(call, name, 'nothing beside config', options[name]);
  }
  for (const name of ['renorm', 'virtual_batch_size'] as const) {
    if (config[name] === undefined || config[name] === null || config[name] === false) continue;
    throw wrongKind(call, `config.${name}`, 'none: what it keeps and does is not converted', config[name]);
  }
  const { momentum = 0.99, epsilon = 1e-3, center = true, scale = true } = config;
  checkFraction(call, 'config.momentum', momentum);
  checkBoolean(call, 'config.center', center);
  checkBoolean(call, 'config.scale', scale);
  return { axis: readAxis(call, config.axis), decay: momentum, epsilon, center, scale };
}

function readAxis(call: string, axis: KerasConfig['axis']): number {
  if (axis === undefined) return -1;
  if (typeof axis === 'number') return axis;
  if (!Array.isArray(axis)) throw wrongKind(call, 'config.axis', 'an integer or a list of one', axis);
  if (axis.length !== 1) {
    const advice = '; bring the axes together into one, by a reshape, and pass that one';
    throw new TypeError(expected(call, 'config.axis', 'one axis', list(axis)) + advice);
  }
  return axis[0];
}

export function checkFraction(call: string, name: string, value: unknown): void {
  if (typeof value !== 'number') throw wrongKind(call, name, 'a number from 0 to 1', value);
  if (!(value >= 0 && value <= 1)) throw wrongValue(call, name, 'a number from 0 to 1', value);
}

export function writeConfig(
  call: string,
  { axis, epsilon, updateRate }: BatchNormState<AnyDtype>,
  decay: number | undefined,
  affine: { center: boolean; scale: boolean },
): WrittenConfig {
  if (typeof axis !== 'number') throw wrongValue(call, 'layer.axis', 'one axis, as Keras 3 has it', axis);
  return { axis, momentum: decayOf(call, updateRate, decay), epsilon, ...affine };
}

/** 1 − updateRate, in as few digits as make this updateRate again. */
export function decayOf(call: string, updateRate: BatchNormState['updateRate'], given: number | undefined): number {
  if (given !== undefined) {
    checkFraction(call, 'decay', given);
    return given;
  }
  if (typeof updateRate !== 'number') {
    const wanted = "a layer whose updateRate is a number; pass decay, the format's momentum";
    throw new RangeError(expected(call, 'layer', wanted, `'${updateRate}'`));
  }
  const short = Number((1 - updateRate).toPrecision(15));
  return 1 - short === updateRate ? short : 1 - updateRate;
}
