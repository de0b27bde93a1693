/**
 * A registry of a few tarballs on this machine: package managers install from it as their users do, by name, and
 * without a network.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename } from 'node:path';

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly scripts?: Readonly<Record<string, string>>;
  readonly gypfile?: boolean;
  readonly engines?: { readonly node: string };
}

export interface Packed {
  readonly file: string;
  readonly manifest: Manifest;
}

/** Its address. It ends with the process. */
export function serve(packages: readonly Packed[]): Promise<string> {
  const tarballs = new Map(packages.map(({ file }) => [`/${basename(file)}`, readFileSync(file)]));
  const manifests = new Map(packages.map((packed) => [`/${packed.manifest.name}`, packed]));
  const server = createServer(({ url = '/', headers }, response) => {
    const path = decodeURIComponent(url);
    const packed = manifests.get(path);
    const found = packed ? describe(packed, `http://${headers.host}`) : tarballs.get(path);
    response.setHeader('content-type', packed ? 'application/json' : 'application/octet-stream');
    response.statusCode = found ? 200 : 404;
    response.end(found ?? '{}');
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
    server.unref();
  });
}

/** What a registry says of a package with one version. It is an old one: managers may refuse those of the last days. */
function describe({ file, manifest }: Packed, address: string): string {
  const { name, version, scripts = {} } = manifest;
  const integrity = `sha512-${createHash('sha512').update(readFileSync(file)).digest('base64')}`;
  const shasum = createHash('sha1').update(readFileSync(file)).digest('hex');
  const dist = { tarball: `${address}/${basename(file)}`, integrity, shasum };
  const hasInstallScript = ['preinstall', 'install', 'postinstall'].some((script) => script in scripts);
  const date = '2024-01-01T00:00:00.000Z';
  return JSON.stringify({
    name,
    'dist-tags': { latest: version },
    versions: { [version]: { ...manifest, dist, hasInstallScript } },
    time: { created: date, modified: date, [version]: date },
    modified: date,
  });
}
