/** A program to be bundled, or to be run under flags of Node.js that forbid ES modules to be required. */
const { BatchNorm, backend, backends } = require('batchnorm');

const y = new BatchNorm(3).forward(new Float32Array(6), [2, 3]);
console.log(JSON.stringify({ length: y.length, backend: backend().name, reason: backends()[0].reason }));
