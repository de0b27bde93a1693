/**
 * The launchers of this machine, and the one that belongs to the MPI of the addon: both Open MPI and MPICH may be
 * installed.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** MPICH, and what is made of it. */
export type Family = 'Open MPI' | 'MPICH';

export interface Launcher {
  readonly command: string;
  readonly family: Family;
}

const ADDON = fileURLToPath(new URL('../../native/mpi/build/Release/batchnorm_mpi.node', import.meta.url));
/** Debian's names, where there are several; MPIRUN names another. */
const COMMANDS = ['mpirun', 'mpirun.openmpi', 'mpirun.mpich'];

/** Open MPI refuses to start for root unless it is told twice. What is printed is compared, so there are no colours. */
export const ENVIRONMENT = {
  ...process.env,
  OMPI_ALLOW_RUN_AS_ROOT: '1',
  OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: '1',
  FORCE_COLOR: '0',
  NO_COLOR: undefined,
};

/** Why there is nothing to test here, or null. */
export function whyNoMpi(): string | null {
  if (!existsSync(ADDON)) return 'the addon for MPI is not built: npm run build:mpi';
  const { family, library } = linked();
  if (find(family) !== undefined) return null;
  const there = commands().flatMap((command) => launcher(command) ?? []);
  const found = there.map((one) => `${one.command} (${one.family})`).join(', ') || 'none';
  return `no mpirun of ${family}: the addon is linked to ${library}; of ${commands().join(', ')} there is ${found}`;
}

/** With what starts ranks. More ranks than processors is no mistake here; MPICH needs not be told. */
export function mpirun(): string[] {
  return start(fitting());
}

export function start({ command, family }: Launcher): string[] {
  return family === 'Open MPI' ? [command, '--oversubscribe'] : [command];
}

/** That of the addon's MPI. Only where whyNoMpi is null. */
export function fitting(): Launcher {
  return find(linked().family)!;
}

/** That of the MPI to which the addon is not linked, if it is there. */
export function foreign(): Launcher | undefined {
  const { family } = linked();
  return COMMANDS.flatMap((command) => launcher(command) ?? []).find((one) => one.family !== family);
}

function find(family: Family): Launcher | undefined {
  return commands()
    .flatMap((command) => launcher(command) ?? [])
    .find((one) => one.family === family);
}

function commands(): readonly string[] {
  const named = process.env['MPIRUN'];
  return named ? [named] : COMMANDS;
}

function launcher(command: string): Launcher | undefined {
  const { error, stdout } = spawnSync(command, ['--version'], { encoding: 'utf8' });
  return error ? undefined : { command, family: /Open MPI|OpenRTE/.test(stdout) ? 'Open MPI' : 'MPICH' };
}

let asked: { readonly family: Family; readonly library: string } | undefined;

/** What the addon is linked to, as a job of one rank is told. */
export function linked(): NonNullable<typeof asked> {
  asked ??= ask();
  return asked;
}

function ask(): NonNullable<typeof asked> {
  const script = "import { MpiReducer } from 'batchnorm/mpi'; console.log(new MpiReducer().library)";
  const args = ['--input-type=module', '-e', script];
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', env: ENVIRONMENT });
  const library = stdout.trim();
  if (library === '') throw new Error(`the addon for MPI does not start: ${stderr}`);
  return { family: library.startsWith('Open MPI') ? 'Open MPI' : 'MPICH', library };
}
