/** A machine on which the package is installed as a user has it, and nothing else is; each test has a home of its own. */
import { cpSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from '@jest/globals';
import { type Ended, ended } from './process.ts';
import { temporaryDirectory } from './temporary.ts';

export const root = fileURLToPath(new URL('../..', import.meta.url));
const documented = readFileSync(join(root, 'docs', 'setup.md'), 'utf8').replaceAll(/\s+/g, ' ');
export const closers: (() => void)[] = [];
let installed: string;
export let home: string;

/** The package as a user has it: no sources of the addon, no scripts. */
beforeAll(() => {
  installed = temporaryPackage();
});

function temporaryPackage(): string {
  const directory = join(root, 'build', `installed-${process.pid}`);
  const generated = join(root, 'lib', 'torch', 'generated');
  cpSync(join(root, 'lib'), join(directory, 'lib'), {
    recursive: true,
    filter: (path) => path !== generated,
  });
  symlinkSync(generated, join(directory, 'lib', 'torch', 'generated'));
  for (const name of ['package.json']) cpSync(join(root, name), join(directory, name));
  return directory;
}

afterAll(() => {
  rmSync(installed, { recursive: true });
});

beforeEach(() => {
  home = temporaryDirectory();
});

afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** `xpmir ...` on a machine that has nothing but what `env` says. `mask` is JavaScript that changes what the process sees. */
export function xpmir(args: readonly string[], env: NodeJS.ProcessEnv = {}, mask = ''): Promise<Ended> {
  const masks = mask === '' ? [] : ['--import', `data:text/javascript,${encodeURIComponent(mask)}`];
  return ended(process.execPath, ['--import', 'tsx', ...masks, join(installed, 'lib', 'cli.ts'), ...args], {
    HOME: home,
    PATH: join(home, 'bin'),
    XPMIR_LIBTORCH_URL: 'http://127.0.0.1:1',
    ...env,
  });
}

/** A first use of a tensor, in the same world. */
export function use(env: NodeJS.ProcessEnv = {}, mask = ''): Promise<Ended> {
  const code = `import { native } from '${join(installed, 'lib', 'native.ts')}';
try { console.log(native().version()); } catch (error) { console.error(error.code + ': ' + error.message); process.exitCode = 1; }`;
  const args = ['--import', 'tsx', '--input-type=module', '-e', mask + code];
  return ended(process.execPath, args, { HOME: home, PATH: join(home, 'bin'), ...env });
}

/** The message stands in the documentation too, with `...` for what differs between machines. */
export function expectDocumented(errors: string, message: string): void {
  const parts = message.split('...');
  let at = 0;
  for (const part of parts) {
    const found = errors.indexOf(part, at);
    if (found < 0) expect(errors).toContain(part);
    at = found + part.length;
  }
  expect(documented).toContain(message);
}

export const musl = 'process.report.getReport = () => ({ header: {} });';
export const noGlibc =
  'Expected a platform that xpmir is built for, but this Linux has no glibc (Alpine has musl), for which there is no libtorch: use a system with glibc, such as the image node:22-slim';

/** The addon of this checkout, in the place of the platform's package. */
export const withAddon = { XPMIR_ADDON_ROOT: root };

/** The libtorch that these tests run with. */
export function locatedLibtorch(): NodeJS.ProcessEnv {
  const stamp = JSON.parse(readFileSync(join(root, 'build', 'Release', 'addon.json'), 'utf8'));
  return { XPMIR_LIBTORCH: stamp.directory };
}

/** Serves an archive, and notes what was asked for. */
export async function vendor(archive: Buffer): Promise<{ url: string; requests: string[] }> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(request.url ?? '');
    response.writeHead(200, { 'Content-Length': archive.length }).end(archive);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
}
