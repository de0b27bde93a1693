import suites from './suites/all.js';
import { runOn } from './support/runner.js';

runOn('reference', suites);
