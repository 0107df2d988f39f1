/** A registry of npm on this machine that has our packed files and nothing else: as if they were published. */
import { createHash } from 'node:crypto';
import { createReadStream, readdirSync, readFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, join } from 'node:path';
import { gunzipSync } from 'node:zlib';

interface Packed {
  readonly file: string;
  readonly manifest: { readonly name: string; readonly version: string };
  readonly integrity: string;
}

export interface Registry {
  readonly url: string;
  /** What was asked for. */
  readonly requests: string[];
  close(): void;
}

/** Serves the files of a directory. */
export async function serve(directory: string): Promise<Registry> {
  const packages = readdirSync(directory)
    .filter((name) => name.endsWith('.tgz'))
    .map((name) => read(join(directory, name)));
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? '').slice(1);
    requests.push(path);
    const file = packages.find(({ file }) => path === `files/${basename(file)}`);
    if (file !== undefined) {
      createReadStream(file.file).pipe(response);
      return;
    }
    const found = packages.filter(({ manifest }) => manifest.name === path);
    answer(response, found, `http://${request.headers.host}`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    requests,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

function answer(response: ServerResponse, packages: readonly Packed[], host: string): void {
  const [first] = packages;
  if (first === undefined) {
    response.writeHead(404, { 'Content-Type': 'application/json' }).end('{"error":"not found"}');
    return;
  }
  const versions = packages.map(({ manifest, file, integrity }) => [
    manifest.version,
    { ...manifest, dist: { tarball: `${host}/files/${basename(file)}`, integrity } },
  ]);
  const body = {
    name: first.manifest.name,
    'dist-tags': { latest: first.manifest.version },
    versions: Object.fromEntries(versions),
  };
  response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
}

function read(file: string): Packed {
  const bytes = readFileSync(file);
  const integrity = `sha512-${createHash('sha512').update(bytes).digest('base64')}`;
  return { file, manifest: manifestOf(gunzipSync(bytes, { maxOutputLength: 2 ** 31 })), integrity };
}

/** `package/package.json` of a tar archive, in which npm puts it among the first. */
function manifestOf(tar: Buffer): Packed['manifest'] {
  for (let at = 0; at < tar.length; ) {
    const name = tar.toString('utf8', at, at + 100).replace(/\0.*$/s, '');
    const size = Number.parseInt(tar.toString('utf8', at + 124, at + 136), 8);
    if (name === 'package/package.json') return JSON.parse(tar.toString('utf8', at + 512, at + 512 + size));
    at += 512 + Math.ceil((size || 0) / 512) * 512;
  }
  throw new Error('Expected package/package.json in the packed file');
}
