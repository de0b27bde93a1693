/** Two hosts on this machine: network namespaces with names and addresses of their own, and a cable between them. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const NETWORK = '10.213.77';
export const ADDRESSES: readonly string[] = [`${NETWORK}.1`, `${NETWORK}.2`];

export class Hosts {
  readonly #names = [0, 1].map((i) => `bn${process.pid}${'ab'[i]}`);
  readonly #folder = mkdtempSync(join(tmpdir(), 'batchnorm-hosts-'));

  /** @throws Error saying what this machine refuses */
  constructor() {
    const [first, second] = this.#names;
    try {
      for (const name of this.#names) call(`ip netns add ${name}`);
      call(`ip link add ${first} netns ${first} type veth peer name ${second} netns ${second}`);
      this.#names.forEach((name, i) => {
        call(`ip -n ${name} addr add ${ADDRESSES[i]}/24 dev ${name}`);
        call(`ip -n ${name} link set ${name} up`);
        call(`ip -n ${name} link set lo up`);
        call(`ip netns exec ${name} unshare --uts hostname ${name}`);
      });
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** The command that starts so many ranks on each: Open MPI, by TCP over the cable, with an agent in the place of ssh. */
  mpirun(each: number): string[] {
    const [first, second] = this.#names;
    const agent = join(this.#folder, 'agent.sh');
    writeFileSync(
      agent,
      `#!/bin/sh\nshift\nexec ip netns exec ${second} unshare --uts sh -c "hostname ${second}; $*"\n`,
    );
    chmodSync(agent, 0o755);
    const parameters = {
      plm_rsh_agent: agent,
      btl: 'tcp,self',
      btl_tcp_if_include: `${NETWORK}.0/24`,
      oob_tcp_if_include: `${NETWORK}.0/24`,
    };
    const mca = Object.entries(parameters).flatMap(([name, value]) => ['--mca', name, value]);
    const hosts = ADDRESSES.map((address) => `${address}:${each}`).join();
    const mpirun = ['mpirun', ...mca, '-H', hosts, '-n', `${2 * each}`];
    return [
      ...`ip netns exec ${first} unshare --uts sh -c`.split(' '),
      `hostname ${first}; exec "$@"`,
      'sh',
      ...mpirun,
    ];
  }

  /** Bytes that have gone over the cable. */
  get bytes(): number {
    const [first] = this.#names;
    const { stdout } = spawnSync('ip', ['netns', 'exec', first, 'cat', '/proc/net/dev'], { encoding: 'utf8' });
    const counters = stdout.split('\n').find((line) => line.trim().startsWith(`${first}:`))!;
    return Number(counters.split(':')[1].trim().split(/\s+/)[0]);
  }

  close(): void {
    for (const name of this.#names) spawnSync('ip', ['netns', 'del', name]);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function call(command: string): void {
  const [name, ...args] = command.split(' ');
  const { error, status, stderr } = spawnSync(name, args, { encoding: 'utf8' });
  if (error || status !== 0) throw new Error(`${command}: ${error?.message ?? stderr.trim()}`);
}

/** Why there are none here, or null. */
export function whyNoHosts(): string | null {
  if (process.platform !== 'linux') return 'network namespaces are of Linux';
  if (process.getuid!() !== 0) return 'network namespaces need root';
  if (!/Open MPI|OpenRTE/.test(spawnSync('mpirun', ['--version'], { encoding: 'utf8' }).stdout ?? ''))
    return 'no Open MPI';
  try {
    new Hosts().close();
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}
