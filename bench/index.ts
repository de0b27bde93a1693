/**
 * `npm run bench`: validates every contender against an oracle and times it, beside other libraries and beside what the
 * memory of this machine allows. Each thread count has a process of its own.
 */
import { fork } from 'node:child_process';
import { availableParallelism, cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Failure } from '#demo/kit/failure.js';
import { checkWritable, dataFileOf, writeWhole } from '#demo/kit/output-file.js';
import { runProgram } from '#demo/kit/program.js';
import { hasColours } from '#demo/kit/terminal.js';
import type { Findings } from './findings.js';
import { threads } from './format.js';
import { buildLimit } from './limit.js';
import type { Assignment, Message } from './messages.js';
import { type Options, parseOptions } from './options.js';
import { showProgress } from './progress.js';
import { renderReport } from './report.js';
import { isLimit } from './row.js';
import { summarize } from './summary.js';
import { formatTables } from './table.js';

async function main(options: Options): Promise<void> {
  if (!options.json) checkWritable(options.out);
  const findings: Findings = {
    date: new Date().toISOString(),
    machine: `${cpus()[0]?.model.trim()}, ${availableParallelism()} processors`,
    node: process.version,
    rows: [],
    notes: [],
    failures: [],
  };
  const failure = buildLimit();
  if (failure !== null) record(findings.notes, `the memory limit is left out: ${failure}`);
  for (const [index, allowed] of options.threads.entries()) {
    await measure({ ...options, allowed, isFirst: index === 0, hasLimit: failure === null }, findings);
  }
  if (findings.failures.length > 0) process.exitCode = 1;
  if (findings.rows.every(isLimit)) throw new Failure('nothing was measured');
  if (!options.json) show(options, findings);
}

/** Once, though each process says it. */
function record(list: string[], text: string, print: (text: string) => void = console.error): void {
  if (list.includes(text)) return;
  list.push(text);
  print(text);
}

/** One process. Its standard output goes to our standard error, so that ours is only what is asked for. */
function measure(assignment: Assignment, findings: Findings): Promise<void> {
  const progress = showProgress(assignment.allowed);
  const child = fork(fileURLToPath(new URL('worker.js', import.meta.url)), [JSON.stringify(assignment)], {
    env: { ...process.env, BATCHNORM_THREADS: String(assignment.allowed) },
    execArgv: ['--expose-gc'],
    stdio: ['ignore', 2, 'inherit', 'ipc'],
  });
  child.on('message', (message: Message) => {
    if (message.type === 'progress') progress.update(message.done, message.total, message.text);
    if (message.type === 'note') record(findings.notes, message.text, progress.note);
    if (message.type === 'invalid') record(findings.failures, `INVALID: ${message.text}`, progress.note);
    if (message.type === 'row') {
      findings.rows.push(message.row);
      if (assignment.json) console.log(JSON.stringify(message.row));
    }
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      progress.stop();
      const end = signal ?? `exit code ${code}`;
      if (code !== 0) record(findings.failures, `measuring with ${threads(assignment.allowed)} ended early: ${end}`);
      resolve();
    });
  });
}

function show({ out }: Options, findings: Findings): void {
  const cases = summarize(findings.rows);
  console.log(formatTables(cases, hasColours(), process.stdout.columns || Infinity));
  for (const text of findings.notes) console.log(`note: ${text}`);
  for (const text of findings.failures) console.log(text);
  const data = dataFileOf(out);
  writeWhole(data, `${JSON.stringify(findings, null, 1)}\n`);
  writeWhole(out, renderReport(findings, cases));
  console.log(`\nreport: ${out}\nnumbers: ${data}`);
}

// The process that measures ends with this one.
await runProgram('batchnorm: bench', () => main(parseOptions(process.argv.slice(2))));
