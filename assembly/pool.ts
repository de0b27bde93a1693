// The threads that calls share.
import { Call } from './call';
import { runPart } from './walk';

/** Calls runPart for every part of a phase, and returns when all are done. */
export function parallel<T>(call: Call, phase: i32, parts: usize): void {
  for (let part: usize = 0; part < parts; ++part) runPart<T>(call, phase, part, 0);
}
