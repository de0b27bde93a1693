/** What every backend is held to. */
import accuracy from './accuracy.js';
import atomic from './atomic.js';
import cancelling from './cancelling.js';
import doubleBackward from './double-backward.js';
import edges from './edges.js';
import errors from './errors.js';
import exact from './exact.js';
import exactFacade from './exact-facade.js';
import exactHostile from './exact-hostile.js';
import exactPasses from './exact-passes.js';
import exactRounding from './exact-rounding.js';
import facade from './facade.js';
import gradients from './gradients.js';
import half from './half.js';
import halfBeside from './half-beside.js';
import halfBounds from './half-bounds.js';
import halfLayer from './half-layer.js';
import lateValues from './late-values.js';
import moments from './moments.js';
import optionsOnce from './options-once.js';
import paper from './paper.js';
import properties from './properties.js';
import range from './range.js';
import restore from './restore.js';
import variants from './variants.js';
import words from './words.js';

export default [
  facade,
  moments,
  errors,
  paper,
  accuracy,
  cancelling,
  exact,
  exactFacade,
  exactHostile,
  exactPasses,
  exactRounding,
  gradients,
  doubleBackward,
  half,
  halfBounds,
  halfLayer,
  halfBeside,
  properties,
  variants,
  edges,
  range,
  restore,
  optionsOnce,
  atomic,
  lateValues,
  words,
];
