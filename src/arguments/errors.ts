/** Errors of the environment: they carry a code, the cause, and say what to do. */

export type ErrorCode =
  | 'ERR_BATCHNORM_BACKEND'
  | 'ERR_BATCHNORM_FILE'
  | 'ERR_BATCHNORM_MISMATCH'
  | 'ERR_BATCHNORM_MPI'
  | 'ERR_BATCHNORM_NOT_READY'
  | 'ERR_BATCHNORM_NO_INPUT'
  | 'ERR_BATCHNORM_NON_FINITE'
  | 'ERR_BATCHNORM_TIMEOUT';

export function environmentError(code: ErrorCode, message: string, cause?: unknown): Error & { code: ErrorCode } {
  const error = new Error(`batchnorm: ${message}`, cause === undefined ? undefined : { cause });
  return Object.assign(error, { code });
}
