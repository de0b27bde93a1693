/**
 * A script for a page, of which one part imports the package and another requires it: a bundler has to take one copy
 * for both.
 */
import { BatchNorm } from 'batchnorm';

globalThis.isOne = require('batchnorm').BatchNorm === BatchNorm;
