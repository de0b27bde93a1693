/**
 * `batchnorm/mpi`: batch normalization over the processes of an MPI job. For Node.js on Linux and macOS, with an addon
 * that is built apart (`npx batchnorm build --mpi`).
 *
 * @module batchnorm/mpi
 */
export { mpiLibrary } from './addon.js';
export { isLaunched } from './launcher.js';
export { MpiReducer, type MpiReducerOptions } from './mpi-reducer.js';
