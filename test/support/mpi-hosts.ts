/** Two hosts on this machine: network namespaces with names and addresses of their own, and a cable between them. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fitting, type Launcher, linked } from './mpi-launcher.js';

const NETWORK = '10.213.77';
/** Both ends have one name, since MPICH is given one for all hosts. */
const CABLE = 'cable';
export const ADDRESSES: readonly string[] = [`${NETWORK}.1`, `${NETWORK}.2`];

export class Hosts {
  readonly #names = [0, 1].map((i) => `bn${process.pid}${'ab'[i]}`);
  readonly #folder = mkdtempSync(join(tmpdir(), 'batchnorm-hosts-'));

  /** @throws Error saying what this machine refuses */
  constructor() {
    const [first, second] = this.#names;
    try {
      for (const name of this.#names) call(`ip netns add ${name}`);
      call(`ip link add ${CABLE} netns ${first} type veth peer name ${CABLE} netns ${second}`);
      this.#names.forEach((name, i) => {
        call(`ip -n ${name} addr add ${ADDRESSES[i]}/24 dev ${CABLE}`);
        call(`ip -n ${name} link set ${CABLE} up`);
        call(`ip -n ${name} link set lo up`);
        call(`ip netns exec ${name} unshare --uts hostname ${name}`);
      });
      for (const name of this.#names) untilUp(name);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** The command that starts so many ranks on each, by TCP over the cable, with an agent in the place of ssh. */
  mpirun(each: number): string[] {
    const [first, second] = this.#names;
    const agent = join(this.#folder, 'agent.sh');
    // Called with the host and a command; MPICH has ssh's -x before them.
    const drop = 'while [ "$1" = -x ]; do shift; done; shift';
    const there = `exec ip netns exec ${second} unshare --uts sh -c "hostname ${second}; $*"`;
    writeFileSync(agent, `#!/bin/sh\n${drop}\n${there}\n`);
    chmodSync(agent, 0o755);
    return [
      ...`ip netns exec ${first} unshare --uts sh -c`.split(' '),
      `hostname ${first}; exec "$@"`,
      'sh',
      ...overCable(fitting(), agent, each),
    ];
  }

  /** Bytes that have gone over the cable. */
  get bytes(): number {
    const [first] = this.#names;
    const { stdout } = spawnSync('ip', ['netns', 'exec', first, 'cat', '/proc/net/dev'], { encoding: 'utf8' });
    const counters = stdout.split('\n').find((line) => line.trim().startsWith(`${CABLE}:`))!;
    return Number(counters.split(':')[1].trim().split(/\s+/)[0]);
  }

  close(): void {
    for (const name of this.#names) spawnSync('ip', ['netns', 'del', name]);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** What starts ranks on both addresses. No shared memory: the hosts are one machine, where MPI would find it. */
function overCable({ command, family }: Launcher, agent: string, each: number): string[] {
  const hosts = ADDRESSES.map((address) => `${address}:${each}`).join();
  const ranks = ['-n', `${2 * each}`];
  if (family === 'MPICH') {
    const ucx = { UCX_TLS: 'tcp,self', UCX_NET_DEVICES: CABLE };
    const variables = Object.entries(ucx).flatMap(([name, value]) => ['-genv', name, value]);
    return [
      command,
      '-launcher',
      'ssh',
      '-launcher-exec',
      agent,
      '-iface',
      CABLE,
      ...variables,
      '-hosts',
      hosts,
      ...ranks,
    ];
  }
  const parameters = {
    plm_rsh_agent: agent,
    btl: 'tcp,self',
    btl_tcp_if_include: `${NETWORK}.0/24`,
    oob_tcp_if_include: `${NETWORK}.0/24`,
  };
  const mca = Object.entries(parameters).flatMap(([name, value]) => ['--mca', name, value]);
  return [command, ...mca, '-H', hosts, ...ranks];
}

/** A new cable takes a moment, in which MPICH would not find it. */
function untilUp(host: string): void {
  for (let tries = 0; tries < 100; tries++) {
    if (/state UP/.test(call(`ip -n ${host} link show ${CABLE}`))) return;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
  }
  throw new Error(`the cable of ${host} is not up after two seconds`);
}

function call(command: string): string {
  const [name, ...args] = command.split(' ');
  const { error, status, stdout, stderr } = spawnSync(name, args, { encoding: 'utf8' });
  if (error || status !== 0) throw new Error(`${command}: ${error?.message ?? stderr.trim()}`);
  return stdout;
}

/** Why ranks on several hosts cannot all be expected to get through MPI_Finalize, or null. */
export function whyNoEnd(): string | null {
  const [, library] = linked().library.match(/^(MPICH (?:3|4\.[01])\.\S*)/) ?? [];
  return library === undefined ? null : `${library} may hang in MPI_Finalize over TCP (pull request 6596 of MPICH)`;
}

/** Why there are none here, or null. */
export function whyNoHosts(): string | null {
  if (process.platform !== 'linux') return 'network namespaces are of Linux';
  if (process.getuid!() !== 0) return 'network namespaces need root';
  try {
    new Hosts().close();
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}
