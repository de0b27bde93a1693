/** What every backend is held to. */
import errors from './errors.js';
import facade from './facade.js';
import moments from './moments.js';

export default [facade, moments, errors];
