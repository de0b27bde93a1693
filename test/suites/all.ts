/** What every backend is held to. */
import accuracy from './accuracy.js';
import errors from './errors.js';
import facade from './facade.js';
import gradients from './gradients.js';
import moments from './moments.js';
import paper from './paper.js';

export default [accuracy, facade, moments, gradients, paper, errors];
