/**
 * Whether the launcher of this process and the MPI of the addon know each other. Where they do not, MPI makes every
 * process a job of one rank, without a word, and each would train a network of its own.
 */
import { environment } from '../backends/host.js';
import { type Job, mpiError } from './addon.js';

type Environment = Readonly<Record<string, string | undefined>>;

interface Launcher {
  readonly name: string;
  /** Says how many processes it has started. */
  readonly variable: string;
}

const LAUNCHERS: readonly Launcher[] = [
  { name: 'mpirun of Open MPI', variable: 'OMPI_COMM_WORLD_SIZE' },
  { name: 'mpirun of MPICH, or srun --mpi=pmi2', variable: 'PMI_SIZE' },
];

/** Only a step of Slurm sets this one; SLURM_NTASKS stands in the environment of a batch script, too. */
const STEP: Launcher = { name: 'srun', variable: 'SLURM_STEP_NUM_TASKS' };

/** A variable that every process has which PMIx started, by whichever launcher. */
const RANK = 'PMIX_RANK';

const WHAT_FITS =
  'Start it with what belongs to this library: Open MPI with its own mpirun or srun --mpi=pmix, MPICH with its ' +
  'own mpirun or srun --mpi=pmi2. Or build the addon for the other MPI: MPICC=mpicc.mpich (or mpicc.openmpi) npx ' +
  'batchnorm build --mpi (in a clone: npm run build:mpi).';

/**
 * Whether this process was started as a rank of a job, by mpirun or srun; asks the environment, and needs no MPI. For
 * programs that also run by themselves: where it is false, a {@link MpiReducer} would be a job of one rank.
 *
 * @example
 * // Needs MPI: mpirun -n 2 node train.js
 * import { isLaunched, MpiReducer } from 'batchnorm/mpi';
 * const reducer = isLaunched() ? new MpiReducer() : undefined; // { synchronize: reducer }
 * console.log(reducer?.size ?? 1); // → 2
 */
export function isLaunched(variables: Environment = ownVariables()): boolean {
  // A shell that srun has started is a step of one task, and no rank.
  if (Number(variables[STEP.variable]) > 1) return true;
  return [...LAUNCHERS.map(({ variable }) => variable), RANK].some((name) => variables[name] !== undefined);
}

/** @throws Error with code ERR_BATCHNORM_MPI where the launcher speaks of more processes than the library has found */
export function checkLauncher({ size, library }: Job, variables: Environment = ownVariables()): void {
  if (size > 1) return;
  const launchers = launchersIn(variables);
  // Jobs may lie in one another: the library has joined one of those that the launchers speak of.
  const other = launchers.find(({ variable }) => Number(variables[variable]) > 1);
  if (other === undefined || launchers.some(({ variable }) => Number(variables[variable]) === size)) return;
  const count = variables[other.variable];
  throw mpiError(
    `MpiReducer: expected a job of ${count} ranks, as ${other.variable}=${count} says (set by ${other.name}), ` +
      `got a job of 1: the addon is linked to ${library}, which was not reached. ${WHAT_FITS} If every process is ` +
      `to be a job of its own: unset ${other.variable}.`,
  );
}

/**
 * srun also starts the helpers of an mpirun, so many as there are machines: that number is no answer where there is
 * another.
 */
function launchersIn(variables: Environment): readonly Launcher[] {
  const found = LAUNCHERS.filter(({ variable }) => variables[variable] !== undefined);
  if (found.length > 0) return found;
  return variables[STEP.variable] === undefined ? [] : [STEP];
}

/** The variables that launchers set for this process, as far as it may read them. */
function ownVariables(): Environment {
  const names = [...LAUNCHERS, STEP].map(({ variable }) => variable);
  return Object.fromEntries([...names, RANK].map((name) => [name, environment(name)]));
}
