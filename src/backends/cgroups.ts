/**
 * How much processor time the control groups of Linux leave to this process. A container's limit is a quota: so many
 * microseconds of processor time in every period, while all processors stay visible. os.availableParallelism() of
 * Node.js 20 and 22 does not ask for it, and later ones give the number of processors where the quota is below one.
 */

/** A limit of processor time, and the file that says so. */
export interface CpuQuota {
  /** Quota ÷ period: 0.5 is half a processor. */
  readonly processors: number;
  readonly file: string;
}

/** Reads a whole file; undefined where it cannot be read. */
export type ReadText = (path: string) => string | undefined;

/** A mounted hierarchy: the group `root` is seen at the folder `point`. */
interface Mount {
  readonly root: string;
  readonly point: string;
  readonly version: 1 | 2;
}

/**
 * The least quota of the groups of this process and all those above them, as far as they are mounted here; undefined
 * where there is none. On hybrid systems the controller is in one of the two hierarchies, so that both are asked.
 */
export function cpuQuota(read: ReadText): CpuQuota | undefined {
  const groups = lines(read('/proc/self/cgroup'));
  const quotas = lines(read('/proc/self/mountinfo'))
    .map(mountOf)
    .filter((mount) => mount !== undefined)
    .flatMap((mount) => foldersOf(mount, groupOf(groups, mount.version)).map((folder) => quotaOf(read, folder, mount)))
    .filter((quota) => quota !== undefined);
  return quotas.reduce<CpuQuota | undefined>(
    (least, quota) => (least && least.processors <= quota.processors ? least : quota),
    undefined,
  );
}

function lines(text = ''): string[] {
  return text.split('\n').filter((line) => line !== '');
}

/**
 * `31 23 0:28 /root /point options [more …] - type source options`; undefined where it has no controller of processors.
 */
function mountOf(line: string): Mount | undefined {
  const fields = line.split(' ');
  const [root, point] = fields.slice(3, 5).map(unescaped);
  const [type, , options = ''] = fields.slice(fields.indexOf('-') + 1);
  if (root === undefined || point === undefined) return undefined;
  if (type === 'cgroup2') return { root, point, version: 2 };
  return type === 'cgroup' && options.split(',').includes('cpu') ? { root, point, version: 1 } : undefined;
}

/** Blanks and backslashes in names are written as three octal digits. */
function unescaped(name: string): string {
  return name.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

/** The path of this process in the hierarchy, from lines such as `4:cpu,cpuacct:/a/b` and, of version 2, `0::/a/b`. */
function groupOf(groups: readonly string[], version: 1 | 2): string {
  const all = groups.map((line) => /^\d+:([^:]*):(.*)$/.exec(line)?.slice(1) ?? []);
  const own = all.find(([names]) => (version === 2 ? names === '' : names?.split(',').includes('cpu')));
  return own?.[1] ?? '/';
}

/**
 * The folders of the group and of those above it, up to the mount. Where the group lies outside of what is mounted, as
 * in containers that see a part of the host's hierarchy, the mount itself is what is nearest.
 */
function foldersOf({ root, point }: Mount, group: string): string[] {
  const above = root === '/' ? '' : root;
  const isBelow = group === above || group.startsWith(`${above}/`);
  const names = isBelow ? group.slice(above.length).split('/').filter(Boolean) : [];
  const below = names.includes('..') ? [] : names;
  return Array.from({ length: below.length + 1 }, (_, i) => [point, ...below.slice(0, below.length - i)].join('/'));
}

function quotaOf(read: ReadText, folder: string, { version }: Mount): CpuQuota | undefined {
  const file = `${folder}/${version === 2 ? 'cpu.max' : 'cpu.cfs_quota_us'}`;
  const texts = version === 2 ? read(file)?.trim().split(/\s+/) : [read(file), read(`${folder}/cpu.cfs_period_us`)];
  const [quota, period] = (texts ?? []).map((text) => Number(text?.trim() || Number.NaN));
  // No limit is "max" in version 2, −1 in version 1.
  if (!(quota! > 0 && period! > 0)) return undefined;
  return { processors: quota! / period!, file };
}
