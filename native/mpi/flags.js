// Prints what the MPI compiler wrapper adds to a command line: `node flags.js compile`, or `link`. MPICC names another
// wrapper than mpicc. Open MPI answers --showme; MPICH, and what is made of it, show their command with -show.
import { spawnSync } from 'node:child_process';

const step = process.argv[2];
const wrapper = process.env.MPICC || 'mpicc';
const flags = ask(`--showme:${step}`) ?? shown(ask('-show'));
if (flags === null) {
  console.error(`batchnorm: ${wrapper} says nothing about how to ${step} for MPI`);
  process.exit(1);
}
console.log(flags);

function ask(option) {
  const { status, stdout } = spawnSync(wrapper, [option], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : null;
}

/** The flags of this step in `gcc -Wl,-z,relro -I… -L… -lmpich`. */
function shown(command) {
  if (command === null) return null;
  const wanted = step === 'compile' ? /^-[ID]/ : /^-(L|l|Wl,|pthread)/;
  return command
    .split(/\s+/)
    .filter((word) => wanted.test(word))
    .join(' ');
}
