// The threads that a call shares. They see each other in memory only: a phase is published by writing its number, and
// its parts are claimed one by one.
//
// One circle of imports is left in this folder: kernels.ts calls the walks of walk.ts (index.ts and kernels.ts that of
// exact/walk.ts), these call `parallel` here, and this calls `runPart` of kernels.ts. AssemblyScript has no closures
// that `parallel` could be given instead, and workers need a phase that can be written into shared memory: a number,
// which `runPart` knows.
import { Call } from './call';
import { runPart } from './kernels';

/** Addresses at which threads agree, with the host, too. Apart, so that each has a line to itself. */
const CLAIM: usize = 64; // i64: the number of the phase (upper half), and its next part
const PHASE: usize = CLAIM + 4;
const DONE: usize = 128; // parts that are done
const WAITING: usize = 132; // 1 while the caller sleeps
export const SERVING: usize = 192; // workers that are there
export const QUIT: usize = 200; // 1 when they shall end
export const MAY_WAIT: usize = 204; // 1 where the caller may sleep: anywhere but in a page's main thread
const JOB: usize = 256;
export const BEDS: usize = 512; // a word for each thread, by which it sleeps: 1 while it does

/** The phase that is shared. Valid from the publication of the phase until its last part is done. */
@unmanaged
class Job {
  call: Call;
  phase: i32;
  parts: u32;
}

/** More than any number of parts: nothing is left to claim. */
const EXHAUSTED: u64 = 0xffffffff;
/**
 * Looks at a word that is about to change, before sleeping: some 50 µs, about what waking takes, and more than the part
 * of a call takes that another thread is still at. WebAssembly has no clock. A look takes a quarter of a nanosecond in
 * optimized code, and 2 ns before V8 has optimized it.
 */
const LOOKS: i32 = 200000;
/** The caller's sleep is cut into naps, so that it notices when a worker has died with a part. */
const NAP: i64 = 50000000; // ns
const MOST_NAPS: i32 = 100;
/** A caller that may not sleep looks instead, in rounds of so many looks: 50 ms, or longer. */
const LOOKS_A_NAP: i32 = 200000000;

/** Calls runPart for every part of a phase, and returns when all are done. */
export function parallel(call: Call, kind: i32, parts: usize): void {
  if (ASC_FEATURE_THREADS) {
    if (call.threads > 1 && parts > 1 && atomic.load<i32>(SERVING) > 0) {
      share(call, kind, parts);
      return;
    }
  }
  for (let part: usize = 0; part < parts; ++part) runPart(call, kind, part, 0);
}

function share(call: Call, kind: i32, parts: usize): void {
  const job = changetype<Job>(JOB);
  const phase = atomic.load<u32>(PHASE);
  // A worker that is late with the phase before must not take the job below for part of it.
  atomic.store<u64>(CLAIM, ((<u64>(phase + 1)) << 32) | EXHAUSTED);
  job.call = call;
  job.phase = kind;
  job.parts = <u32>parts;
  atomic.store<i32>(DONE, 0);
  atomic.store<u64>(CLAIM, (<u64>(phase + 2)) << 32);
  for (let thread: usize = 1; thread < call.threads; ++thread) wake(thread);
  work(phase + 2, 0);
  finish(<i32>parts);
}

/**
 * Called when a phase is published. A worker that goes to bed says so before it looks for a phase for the last time: it
 * sees the new one, or is seen here.
 */
function wake(thread: usize): void {
  const bed = BEDS + (thread << 2);
  if (atomic.load<i32>(bed) == 0) return;
  atomic.store<i32>(bed, 0);
  atomic.notify(bed, 1);
}

/** Does parts of a phase until none is left to claim. */
function work(phase: u32, thread: usize): void {
  const job = changetype<Job>(JOB);
  for (;;) {
    const claim = atomic.load<u64>(CLAIM);
    if (<u32>(claim >> 32) != phase || <u32>claim >= job.parts) return;
    if (atomic.cmpxchg<u64>(CLAIM, claim, claim + 1) != claim) continue;
    runPart(job.call, job.phase, <usize>(<u32>claim), thread);
    atomic.add<i32>(DONE, 1);
    if (atomic.load<i32>(WAITING) != 0) atomic.notify(DONE, 1);
  }
}

/**
 * Waits for the parts of others. If one makes no progress for five seconds its worker is dead: the call fails by a
 * trap.
 */
function finish(parts: i32): void {
  let naps = 0;
  let seen = -1;
  for (;;) {
    const looks = atomic.load<i32>(MAY_WAIT) != 0 ? LOOKS : LOOKS_A_NAP;
    for (let look = 0; look < looks; ++look) if (atomic.load<i32>(DONE) == parts) return;
    const done = atomic.load<i32>(DONE);
    if (done != seen) naps = 0;
    else if (++naps > MOST_NAPS) unreachable();
    seen = done;
    if (looks == LOOKS_A_NAP || done == parts) continue;
    atomic.store<i32>(WAITING, 1);
    atomic.wait<i32>(DONE, done, NAP);
    atomic.store<i32>(WAITING, 0);
  }
}

/** Serves as a worker: does the parts of one phase after the other, until it is told to end. */
export function serve(thread: usize): void {
  if (ASC_FEATURE_THREADS) {
    let seen = atomic.load<u32>(PHASE);
    atomic.add<i32>(SERVING, 1);
    while (atomic.load<i32>(QUIT) == 0) {
      seen = nextPhase(seen, thread);
      work(seen, thread);
    }
    atomic.sub<i32>(SERVING, 1);
  }
}

/** A phase other than the one seen that wants this worker, or any when it shall end: looks for a while, then sleeps. */
function nextPhase(seen: u32, thread: usize): u32 {
  for (let look = 0; look < LOOKS; ++look) {
    if (atomic.load<u32>(PHASE) == seen) continue;
    const phase = wanted(seen, thread);
    if (phase != seen) return phase;
  }
  const bed = BEDS + (thread << 2);
  let phase = seen;
  for (;;) {
    atomic.store<i32>(bed, 1);
    phase = wanted(seen, thread);
    if (phase != seen || atomic.load<i32>(QUIT) != 0) break;
    atomic.wait<i32>(bed, 1, -1);
  }
  atomic.store<i32>(bed, 0);
  return phase;
}

/** The phase at hand, if it wants this worker, else the one seen. If the job is a later one's, `work` finds no part. */
function wanted(seen: u32, thread: usize): u32 {
  const claim = atomic.load<u64>(CLAIM);
  const phase = <u32>(claim >> 32);
  if (phase == seen || <u32>claim == <u32>EXHAUSTED) return seen;
  return thread < changetype<Job>(JOB).call.threads ? phase : seen;
}
