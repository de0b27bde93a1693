/** A program to be bundled. Prints the backend and why there is no native one. */
import { BatchNorm, backend, backends } from 'batchnorm';

const y = new BatchNorm(3).forward(new Float32Array(6), [2, 3]);
console.log(JSON.stringify({ length: y.length, backend: backend().name, reason: backends()[0].reason }));
