import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { fakeArchive, fakeLibtorch } from '../support/fakeLibtorch.ts';
import { type Ended, ended } from '../support/process.ts';
import { temporaryDirectory, writeFiles } from '../support/temporary.ts';
import { mountTmpfs, unmount } from '../support/tmpfs.ts';

/** What goes wrong on a user's machine, and what is said then. docs/setup.md has the same table. */

const root = fileURLToPath(new URL('../..', import.meta.url));
const documented = readFileSync(join(root, 'docs', 'setup.md'), 'utf8').replaceAll(/\s+/g, ' ');
const tmpfs: string[] = [];
const closers: (() => void)[] = [];
let installed: string;
let home: string;

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
  for (const path of tmpfs.splice(0)) unmount(path);
});

beforeEach(() => {
  home = temporaryDirectory();
});

afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** `xpmir ...` on a machine that has nothing but what `env` says. `mask` is JavaScript that changes what the process sees. */
function xpmir(args: readonly string[], env: NodeJS.ProcessEnv = {}, mask = ''): Promise<Ended> {
  const masks = mask === '' ? [] : ['--import', `data:text/javascript,${encodeURIComponent(mask)}`];
  return ended(process.execPath, ['--import', 'tsx', ...masks, join(installed, 'lib', 'cli.ts'), ...args], {
    HOME: home,
    PATH: join(home, 'bin'),
    XPMIR_LIBTORCH_URL: 'http://127.0.0.1:1',
    ...env,
  });
}

/** A first use of a tensor, in the same world. */
function use(env: NodeJS.ProcessEnv = {}, mask = ''): Promise<Ended> {
  const code = `import { native } from '${join(installed, 'lib', 'native.ts')}';
try { console.log(native().version()); } catch (error) { console.error(error.code + ': ' + error.message); process.exitCode = 1; }`;
  const args = ['--import', 'tsx', '--input-type=module', '-e', mask + code];
  return ended(process.execPath, args, { HOME: home, PATH: join(home, 'bin'), ...env });
}

/** The message stands in the documentation too, with `...` for what differs between machines. */
function expectDocumented(errors: string, message: string): void {
  const parts = message.split('...');
  let at = 0;
  for (const part of parts) {
    const found = errors.indexOf(part, at);
    if (found < 0) expect(errors).toContain(part);
    at = found + part.length;
  }
  expect(documented).toContain(message);
}

/** The addon of this checkout, in the place of the platform's package. */
const withAddon = { XPMIR_ADDON_ROOT: root };

describe('when a tensor is used for the first time', () => {
  test('no package for the platform', async () => {
    const { status, errors } = await use();
    expect(status).toBe(1);
    expectDocumented(
      errors,
      'ERR_NO_NATIVE: Expected the npm package @xpmir/addon-linux-x64, which is not installed. It is an optional dependency of xpmir',
    );
  });

  test('a platform without packages', async () => {
    const { errors } = await use({}, "Object.defineProperty(process, 'arch', { value: 'riscv64' });");
    expectDocumented(
      errors,
      'ERR_NO_NATIVE: Expected a platform that xpmir is built for, but there is no prebuilt addon for linux-riscv64, only for linux-x64: `npx xpmir build` compiles one',
    );
  });

  test('musl', async () => {
    const { errors } = await use({}, 'process.report.getReport = () => ({ header: {} });');
    expectDocumented(
      errors,
      'ERR_NO_NATIVE: Expected a platform that xpmir is built for, but this Linux has no glibc (Alpine has musl), for which there is no libtorch: use a system with glibc, such as the image node:22-slim',
    );
  });

  test('an old glibc', async () => {
    const { errors } = await use(
      {},
      "process.report.getReport = () => ({ header: { glibcVersionRuntime: '2.17' } });",
    );
    expectDocumented(errors, 'but glibc 2.17 is older than 2.28, which libtorch needs');
  });

  test('no libtorch', async () => {
    const { errors } = await use(withAddon);
    expectDocumented(errors, 'ERR_LIBTORCH_NOT_FOUND: libtorch was not found. Tried:');
    expect(errors).toContain('1. With a network: `npx xpmir setup` fetches libtorch');
  });

  test('another version of libtorch', async () => {
    const directory = fakeLibtorch(join(home, 'other'), '2.11.0');
    const { errors } = await use({ ...withAddon, XPMIR_LIBTORCH: directory });
    expectDocumented(
      errors,
      'ERR_LIBTORCH_VERSION: Found libtorch 2.11.0 in ... but needed version 2.13, which the addon is built for. To fix it, run `npx xpmir setup` to fetch libtorch 2.13.0, `npx xpmir build` to compile for what is installed, or set XPMIR_LIBTORCH to a libtorch 2.13.',
    );
  });

  test('a damaged libtorch', async () => {
    fakeLibtorch(join(home, '.cache/xpmir/libtorch/2.13.0+cpu'), '2.13.0+cpu');
    const { errors } = await use(withAddon);
    expectDocumented(errors, 'ERR_NO_NATIVE: Expected a libtorch that can be loaded in ... (cache): ');
    expectDocumented(
      errors,
      '. To mend it, `npx xpmir setup --remove` and then `npx xpmir setup` fetch it again',
    );
  });
});

describe('xpmir doctor', () => {
  test('tells each of them, and how it ends', async () => {
    const { status, output } = await xpmir(['doctor']);
    expect(status).toBe(1);
    expect(output).toMatch(/^PROBLEM {2}addon: none$/m);
    expect(output).toMatch(/^PROBLEM {2}libtorch: none that can be used$/m);
    expect(output).toMatch(/^note {5}compilers: not all there$/m);
    expect(output).toMatch(/^ok {7}Node: /m);
  });

  test('loads in a process of its own, which a damaged library may end', async () => {
    fakeLibtorch(join(home, '.cache/xpmir/libtorch/2.13.0+cpu'), '2.13.0+cpu');
    const { status, output } = await xpmir(['doctor', '--json'], withAddon);
    expect(status).toBe(1);
    const { ok, findings } = JSON.parse(output);
    expect(ok).toBe(false);
    expect(findings.find(({ name }: { name: string }) => name === 'loading')).toMatchObject({
      state: 'problem',
      remedy: expect.stringContaining('Expected a libtorch that can be loaded'),
    });
  });

  test('with an NVIDIA driver, says why there is no CUDA', async () => {
    writeFiles(home, { 'bin/nvidia-smi': '#!/bin/sh\necho 580.82.07\n' }, 0o755);
    const env = { ...withAddon, ...locatedLibtorch() };
    const { output } = await xpmir(['doctor'], env);
    expect(output).toContain(
      'CUDA: not used: driver 580.82.07 is here, but libtorch is the build without CUDA',
    );
    expect(output).toContain('`npx xpmir setup --cuda` gets the one with CUDA');
  });
});

/** The libtorch that these tests run with. */
function locatedLibtorch(): NodeJS.ProcessEnv {
  const stamp = JSON.parse(readFileSync(join(root, 'build', 'Release', 'addon.json'), 'utf8'));
  return { XPMIR_LIBTORCH: stamp.directory };
}

describe('xpmir setup', () => {
  test('no network', async () => {
    const { status, errors } = await xpmir(['setup']);
    expect(status).toBe(1);
    expectDocumented(errors, 'xpmir: libtorch was not found. Tried:');
    expectDocumented(errors, 'download: ...: connect ECONNREFUSED');
  });

  test('a proxy that refuses', async () => {
    const seen: string[] = [];
    const server = createServer((request, response) => {
      seen.push(`${request.method} ${request.url}`);
      response.writeHead(403).end();
    });
    server.on('connect', (request, socket) => {
      seen.push(`${request.method} ${request.url}`);
      socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closers.push(() => server.close());
    const proxy = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const encrypted = await xpmir(['setup'], {
      HTTPS_PROXY: proxy,
      XPMIR_LIBTORCH_URL: 'https://mirror.invalid/libtorch',
    });
    expectDocumented(encrypted.errors, 'the proxy ... answered 403');
    const plain = await xpmir(['setup'], {
      HTTP_PROXY: proxy,
      XPMIR_LIBTORCH_URL: 'http://mirror.invalid/a',
    });
    expect(plain.errors).toContain('the server answered 403');
    expect(seen).toContain('CONNECT mirror.invalid:443');
    expect(seen.some((line) => line.startsWith('GET http://mirror.invalid/a/libtorch-shared'))).toBe(true);
    const exempt = await xpmir(['setup'], {
      HTTP_PROXY: proxy,
      NO_PROXY: 'invalid',
      XPMIR_LIBTORCH_URL: 'http://mirror.invalid/a',
    });
    expect(exempt.errors).toMatch(/ENOTFOUND|EAI_AGAIN/);
  });

  const small = mountTmpfs(64);
  if (small !== undefined) tmpfs.push(small);
  const onTmpfs = small === undefined ? test.skip : test;

  onTmpfs('a full disk', async () => {
    const archive = fakeArchive('2.13.0+cpu', { 'lib/libtorch_cpu.so': 'x'.repeat(200_000) });
    for (const length of [archive.length, undefined]) {
      const server = createServer((_, response) => {
        if (length !== undefined) response.setHeader('Content-Length', length);
        response.write(archive);
        response.end();
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      closers.push(() => server.close());
      const { status, errors } = await xpmir(['setup'], {
        XDG_CACHE_HOME: small as string,
        XPMIR_LIBTORCH_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      });
      expect(status).toBe(1);
      if (length !== undefined)
        expectDocumented(
          errors,
          'Expected ... MB free in ... but there are ...: make room, or set XDG_CACHE_HOME to another disk',
        );
      else
        expectDocumented(
          errors,
          'xpmir: The disk of ... is full: make room, or set XDG_CACHE_HOME to another one',
        );
    }
  });

  const readOnly = mountTmpfs(64, true);
  if (readOnly !== undefined) tmpfs.push(readOnly);

  (readOnly === undefined ? test.skip : test)('a cache that cannot be written to', async () => {
    const { status, errors } = await xpmir(['setup'], { XDG_CACHE_HOME: readOnly as string });
    expect(status).toBe(1);
    expectDocumented(
      errors,
      'xpmir: Expected to write in ... but could not: set XDG_CACHE_HOME to a directory that can be written to',
    );
  });

  test('fetches, keeps, chooses, says what it would do, and removes', async () => {
    const { url } = await vendor(fakeArchive('2.13.0+cpu'));
    const env = { XPMIR_LIBTORCH_URL: url };
    const place = join(home, '.cache/xpmir/libtorch/2.13.0+cpu');
    const dry = await xpmir(['setup', '--dry-run'], env);
    expect(dry).toMatchObject({
      status: 0,
      output: expect.stringContaining(`Would get libtorch 2.13.0+cpu from ${url}/`),
    });
    expect(existsSync(join(home, '.cache'))).toBe(false);

    const first = await xpmir(['setup'], env);
    expect(first.output).toBe(`Programs load libtorch 2.13.0+cpu (xpmir setup: ${place})\n`);
    const second = await xpmir(['setup', '--dry-run'], env);
    expect(second.output).toBe(`Nothing to do: libtorch 2.13.0+cpu is found (xpmir setup: ${place})\n`);

    const other = fakeLibtorch(join(home, 'mine'), '2.13.1');
    await xpmir(['setup', '--from', other], env);
    expect((await xpmir(['setup', '--dry-run'], env)).output).toContain(`(xpmir setup: ${other})`);

    expect(await xpmir(['setup', '--remove'], env)).toMatchObject({ status: 0 });
    expect(existsSync(place)).toBe(false);
    expect((await xpmir(['setup', '--dry-run'], env)).output).toContain('Would get');
    expect(existsSync(other)).toBe(true); // it is the user's own
  });

  test('takes an archive from a directory, without a network', async () => {
    mkdirSync(join(home, 'offline'));
    writeFileSync(
      join(home, 'offline', 'libtorch-shared-with-deps-2.13.0+cpu.zip'),
      fakeArchive('2.13.0+cpu'),
    );
    const { status, output } = await xpmir(['setup', '--from', join(home, 'offline')]);
    expect({ status, output }).toMatchObject({
      status: 0,
      output: expect.stringContaining('Programs load libtorch 2.13.0+cpu'),
    });
  });

  test('chooses the build for CUDA by the driver', async () => {
    const plan = async (driver: string, ...args: string[]) => {
      writeFiles(home, { 'bin/nvidia-smi': `#!/bin/sh\necho ${driver}\n` }, 0o755);
      return xpmir(['setup', '--dry-run', ...args]);
    };
    expect((await plan('580.82.07')).output).toContain('Would get libtorch 2.13.0+cu130 from');
    expect((await plan('535.104.05', '--cuda')).output).toContain('Would get libtorch 2.13.0+cu126 from');
    expect((await plan('535.104.05', '--cuda', 'cu132')).output).toContain('2.13.0+cu132');
    expect((await plan('580.82.07', '--cpu')).output).toContain('2.13.0+cpu');
    expect((await plan('470.82.01')).errors).toContain(
      'Expected an NVIDIA driver 525.60 or later, which cu126 needs, for the driver but received',
    );
    expect((await plan('580.1', '--cpu', '--cuda')).errors).toContain(
      'Expected one way for setup but received',
    );
    expect((await plan('580.1', '--cuda', 'cu99')).errors).toContain(
      'Expected one of cu130, cu132, cu126 for cuda but received',
    );
  });

  test('fetches the build without CUDA where only the one with it is there', async () => {
    const cuda = fakeLibtorch(join(home, 'cuda'), '2.13.0+cu130');
    writeFiles(cuda, { 'lib/libtorch_cuda.so': '' });
    const env = { XPMIR_LIBTORCH: cuda };
    expect((await xpmir(['setup', '--dry-run'], env)).output).toContain(
      'Nothing to do: libtorch 2.13.0+cu130',
    );
    expect((await xpmir(['setup', '--dry-run', '--cpu'], env)).output).toContain(
      'Would get libtorch 2.13.0+cpu',
    );
  });

  test('uses the torch of the active Python environment', async () => {
    const torch = fakeLibtorch(join(home, 'venv/lib/python3.11/site-packages/torch'), '2.13.0+cu130');
    const env = { VIRTUAL_ENV: join(home, 'venv') };
    expect((await xpmir(['setup', '--python'], env)).output).toContain(`(xpmir setup: ${torch})`);
    expect((await xpmir(['setup', '--python'])).errors).toContain('Expected a torch in VIRTUAL_ENV');
  });
});

/** Serves an archive. */
async function vendor(archive: Buffer): Promise<{ url: string }> {
  const server = createServer((_, response) => {
    response.writeHead(200, { 'Content-Length': archive.length }).end(archive);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}
