/** One thread count in a process of its own: measures every case and tells the parent. */
import { type Contender, labelOf, type Opened } from './contender.js';
import { loadContenders } from './contenders/load.js';
import { Limit } from './limit.js';
import type { Assignment, Message } from './messages.js';
import { check, OURS, PEERS } from './oracle.js';
import { makeProblem, type Problem, spoil } from './problem.js';
import { type Entrant, runRounds, Stopwatch } from './rounds.js';
import { comparedSums, comparedTypes, LIMIT, makeRow, type Who } from './row.js';
import { layoutsOf, type Operation } from './shapes.js';

const assignment = JSON.parse(process.argv[2]) as Assignment;
const { allowed, ops, rounds } = assignment;
const limit = assignment.hasLimit ? new Limit(allowed) : null;
const contenders = await loadContenders(assignment, (text) => tell({ type: 'note', text }));
const cases = assignment.shapes.flatMap((shape) => layoutsOf(shape).map((layout) => [shape, layout] as const));

process.on('disconnect', () => process.exit());

let done = 0;
for (const [shape, layout] of contenders.length > 0 ? cases : []) {
  progress(`${shape} ${layout}, making data`);
  const problems = assignment.dtypes.map((dtype) => makeProblem(shape, layout, dtype));
  for (const op of ops) {
    progress(`${shape} ${layout}, ${op}`);
    await measure(problems, op);
    done++;
  }
}
progress('done');
process.disconnect();

function tell(message: Message): void {
  process.send!(message);
}

function progress(text: string): void {
  tell({ type: 'progress', done, total: cases.length * ops.length, text });
}

/** Everyone who can, in turns; a line for each. */
async function measure(problems: readonly Problem[], op: Operation): Promise<void> {
  const field: { who: Who; entrant: Entrant; problem: Problem }[] = [];
  for (const problem of problems) {
    for (const entrant of limit?.entrants(problem, op) ?? []) {
      const who = { peer: LIMIT, variant: entrant.variant, threads: allowed, version: limit!.isa };
      field.push({ who, entrant, problem });
    }
  }
  const opened: Opened[] = [];
  for (const contender of contenders) {
    const problem = problems.find(({ dtype }) => dtype === contender.dtype);
    const one = problem === undefined ? null : await contender.open(problem, op);
    if (problem === undefined || one === null) continue;
    opened.push(one);
    const seconds = await validate(contender, one, problem, op);
    if (seconds === null) continue;
    field.push({ who: contender, entrant: new Stopwatch(labelOf(contender), one, seconds), problem });
  }
  globalThis.gc?.();
  const timings = await runRounds(
    field.map(({ entrant }) => entrant),
    rounds,
  );
  const rows = field.map(({ who, problem }, index) => makeRow(who, problem, op, allowed, timings[index]));
  for (const row of comparedTypes(comparedSums(rows))) tell({ type: 'row', row });
  for (const one of opened) await one.close();
  globalThis.gc?.();
}

/** Calls once and checks what came; seconds of a call, or null (and says so) where it is not batch normalization. */
async function validate(contender: Contender, one: Opened, problem: Problem, op: Operation): Promise<number | null> {
  const tolerance = contender.ours ? OURS[contender.dtype] : PEERS;
  let wrong: string | null;
  let seconds = 0;
  try {
    await one.prepare?.();
    spoil(problem);
    seconds = await timeOnce(one);
    if (seconds < 0.5) seconds = await timeOnce(one); // the first compiles and touches memory
    wrong = check(await one.outputs(), problem, tolerance);
  } catch (error) {
    wrong = error instanceof Error ? error.message : String(error);
  }
  if (wrong === null) return seconds;
  const { shape, layout } = problem;
  const text = `${labelOf(contender)}, ${shape} ${layout}, ${op}: ${wrong} (tolerance: ${tolerance.name}); not timed`;
  tell({ type: 'invalid', text });
  return null;
}

async function timeOnce({ call }: Opened): Promise<number> {
  const start = performance.now();
  await call();
  return (performance.now() - start) / 1e3;
}
