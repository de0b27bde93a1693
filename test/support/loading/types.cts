/** The CommonJS part of a program; types.mts is the other. */
import batchnorm = require('batchnorm');
import tfjs = require('batchnorm/tfjs');

namespace part {
  export type Layer = tfjs.BatchNormalization;
  export const layer = new batchnorm.BatchNorm(3);
  export const moments = new batchnorm.Moments(3);
  export function use(_layer: batchnorm.BatchNorm): void {}
}
export = part;
