/** The other thread of doors.mjs. */
const { workerData } = require('node:worker_threads');
const { BatchNorm, ThreadReducer } = require('batchnorm');

new BatchNorm(1, { synchronize: new ThreadReducer(workerData, 1) }).forward(Float32Array.of(5, 7), [2, 1]);
