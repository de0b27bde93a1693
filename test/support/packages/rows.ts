/** Tests that wait for other programs: a row each, two rows at a time. */
import { spawn } from 'node:child_process';
import { suiteOf } from '../suite.js';

const AT_ONCE = 2;
/** A program that hangs is ended, or the tests would hang with it. */
const PATIENCE = 600_000;

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const waiting: (() => void)[] = [];
let running = 0;

/**
 * A suite with a test for each row. They start in the order in which they are named here, not in that of the reports.
 */
export function testRows<Row extends { readonly name: string }>(
  title: string,
  rows: readonly Row[],
  body: (row: Row) => Promise<void>,
): void {
  const test = suiteOf(title);
  for (const row of rows) {
    const ended = inTurn(() => body(row));
    ended.catch(() => {}); // the test says it when its turn comes
    test(row.name, () => ended);
  }
}

/** Runs a program to its end. */
export function run(command: readonly string[], cwd: string, env: NodeJS.ProcessEnv): Promise<Outcome> {
  const [file, ...args] = command;
  return new Promise((resolve, reject) => {
    const child = spawn(file!, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], timeout: PATIENCE });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}

/** The same, which must end well: everything that it printed. */
export async function runWell(command: readonly string[], cwd: string, env: NodeJS.ProcessEnv): Promise<Outcome> {
  const outcome = await run(command, cwd, env);
  if (outcome.code === 0) return outcome;
  throw new Error(`${command.join(' ')}: exit code ${outcome.code}\n${outcome.stdout}${outcome.stderr}`);
}

async function inTurn<T>(body: () => Promise<T>): Promise<T> {
  if (running === AT_ONCE) await new Promise<void>((go) => waiting.push(go));
  else running++;
  try {
    return await body();
  } finally {
    const next = waiting.shift();
    if (next) next();
    else running--;
  }
}
