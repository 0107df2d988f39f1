import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { fakeArchive, fakeWheel, zip } from '../support/fakeLibtorch.ts';
import { type Ended, ended } from '../support/process.ts';
import { temporaryDirectory, writeFiles } from '../support/temporary.ts';

/** Getting libtorch where none is found: whole processes, fake pip, fake vendor. */

const setup = new URL('../../lib/setup/libtorch.ts', import.meta.url).href;
const closers: (() => void)[] = [];
let home: string;
let cache: string;

beforeEach(() => {
  home = temporaryDirectory();
  cache = join(home, '.cache', 'xpmir', 'libtorch');
});

afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** A set-up in a process that sees nothing of this machine's environment. Its output is the libtorch that it found. */
function setUp(env: NodeJS.ProcessEnv): Promise<Ended> {
  const code = `import { ensureLibtorch } from '${setup}';
try { const { directory, version, source } = await ensureLibtorch(); console.log(JSON.stringify({ directory, version, source })); }
catch (error) { console.error(error.message); process.exitCode = 1; }`;
  const args = ['--import', 'tsx', '--input-type=module', '-e', code];
  return ended(process.execPath, args, {
    HOME: home,
    PATH: join(home, 'bin'),
    XPMIR_LIBTORCH_URL: 'http://127.0.0.1:1',
    ...env,
  });
}

/** A vendor that serves an archive after a while, and counts. */
async function vendor(archive: Buffer): Promise<{ url: string; requests: string[] }> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(request.url ?? '');
    setTimeout(() => response.writeHead(200, { 'Content-Length': archive.length }).end(archive), 300);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
}

/** A python3 whose pip brings a file, or ends with the given words. Its uses are logged. */
function fakePip(outcome: { wheel: Buffer } | { words: string }): void {
  const action =
    'wheel' in outcome
      ? `/bin/cp '${join(home, 'the.whl')}' "$2/torch-2.13.0.whl"`
      : `echo '${outcome.words}' >&2; exit 1`;
  if ('wheel' in outcome) writeFileSync(join(home, 'the.whl'), outcome.wheel);
  const script = `#!/bin/sh
[ "$3" = --version ] && exit 0
echo "$@" >> '${join(home, 'pip.log')}'
while [ "$1" != --dest ]; do shift; done
${action}
`;
  writeFiles(home, { 'bin/python3': script }, 0o755);
}

/** Nothing that a failed or finished set-up should have cleaned up. */
function leftovers(): string[] {
  return readdirSync(cache).filter((name) => name.startsWith('.'));
}

describe('through pip', () => {
  test('the wheel is verified, and unpacked into the cache without its Python part', async () => {
    fakePip({ wheel: fakeWheel('2.13.0+cpu') });
    const { status, output, errors } = await setUp({});
    const directory = join(cache, '2.13.0+cpu');
    expect(JSON.parse(output)).toEqual({ directory, version: '2.13.0+cpu', source: 'cache' });
    expect(readdirSync(directory).sort()).toEqual(['include', 'lib', 'version.py']);
    expect(readdirSync(join(directory, 'lib'))).toHaveLength(1);
    expect(errors).toMatch(/SHA-256 [0-9a-f]{64}/);
    expect(errors).toMatch(/Downloading torch==2\.13\.0\S* with pip: done/);
    expect(status).toBe(0);
    expect(leftovers()).toEqual([]);
  });

  test('a file that RECORD does not know like this is refused', async () => {
    fakePip({ wheel: fakeWheel('2.13.0+cpu', ['torch/version.py']) });
    const { status, errors } = await setUp({});
    expect(errors).toContain('torch/version.py is not the file that RECORD lists');
    expect(status).toBe(1);
    expect(readdirSync(cache)).toEqual([]);
  });

  test("a Python that torch has no wheel for takes another one's", async () => {
    fakePip({ words: 'ERROR: No matching distribution found for torch==2.13.0' });
    await setUp({});
    const log = await ended('/bin/cat', [join(home, 'pip.log')], {});
    const [first, second] = log.output.trim().split('\n');
    expect(first).not.toContain('--python-version');
    expect(second).toContain('--python-version=3.11 --abi=cp311');
  });
});

describe('from the vendor', () => {
  test('where there is no pip, verified against the SHA-256 that the environment gives', async () => {
    const archive = fakeArchive('2.13.0+cpu');
    const { url, requests } = await vendor(archive);
    const sha = createHash('sha256').update(archive).digest('hex');
    const { output } = await setUp({ XPMIR_LIBTORCH_URL: url, XPMIR_LIBTORCH_SHA256: sha });
    expect(JSON.parse(output)).toMatchObject({ directory: join(cache, '2.13.0+cpu'), source: 'cache' });
    expect(requests).toHaveLength(1);
    expect(requests[0]).toMatch(/^\/libtorch-.*2\.13\.0.*\.zip$/);
    expect(leftovers()).toEqual([]);
  });

  test('a wrong file is refused, not kept, and not taken by the next try', async () => {
    const { url, requests } = await vendor(fakeArchive('2.13.0+cpu'));
    for (let round = 1; round <= 2; round++) {
      const { status, errors } = await setUp({
        XPMIR_LIBTORCH_URL: url,
        XPMIR_LIBTORCH_SHA256: '0'.repeat(64),
      });
      expect(status).toBe(1);
      expect(errors).toMatch(/Expected libtorch-.*\.zip with SHA-256 0{64} but received [0-9a-f]{64}/);
      expect(requests).toHaveLength(round);
    }
  });

  test('an archive that would write outside its directory is refused', async () => {
    const { url } = await vendor(zip({ 'libtorch/lib/../../../escaped': 'out' }));
    const { status, errors } = await setUp({ XPMIR_LIBTORCH_URL: url });
    expect(errors).toContain('invalid relative path');
    expect(status).toBe(1);
    expect(existsSync(join(home, '.cache', 'escaped'))).toBe(false);
  });
});

test('two set-ups at once fetch one time, and both have it', async () => {
  const { url, requests } = await vendor(fakeArchive('2.13.0+cpu'));
  const both = await Promise.all([1, 2].map(() => setUp({ XPMIR_LIBTORCH_URL: url })));
  for (const { status, output } of both) {
    expect(status).toBe(0);
    expect(JSON.parse(output)).toMatchObject({ directory: join(cache, '2.13.0+cpu') });
  }
  expect(requests).toHaveLength(1);
  expect(both.map(({ errors }) => /Waiting for process \d+ on .*libtorch/.test(errors)).sort()).toEqual([
    false,
    true,
  ]);
});

test('what a killed set-up left is cleaned up, and its lock taken over', async () => {
  mkdirSync(join(cache, '.staging-killed', 'libtorch'), { recursive: true });
  const killed = await ended(process.execPath, ['-e', 'process.exit()'], {});
  const { hostname } = await import('node:os');
  writeFiles(cache, {
    '.lock/owner.json': JSON.stringify({ pid: killed.pid, host: hostname(), started: '1' }),
  });
  const { url } = await vendor(fakeArchive('2.13.0+cpu'));
  expect(await setUp({ XPMIR_LIBTORCH_URL: url })).toMatchObject({ status: 0 });
  expect(leftovers()).toEqual([]);
});

test('offline, one message names everything that was tried and the ways out', async () => {
  fakePip({ words: 'ERROR: Could not connect' });
  const { status, errors } = await setUp({ VIRTUAL_ENV: join(home, 'venv') });
  expect(status).toBe(1);
  const message = errors.slice(errors.indexOf('libtorch was not found'));
  expect(message).toContain('XPMIR_LIBTORCH: environment: not set');
  expect(message).toMatch(/npm package: @xpmir\/libtorch-cpu-\S+: not installed/);
  expect(message).toContain(`Python: ${join(home, 'venv')}: no torch`);
  expect(message).toContain(`cache: ${cache}: empty`);
  expect(message).toContain('pip: python3: ERROR: Could not connect');
  expect(message).toMatch(/download: http:\/\/127\.0\.0\.1:1\/\S+: .*ECONNREFUSED/);
  expect(message.match(/^ {2}\d\. /gm)).toHaveLength(3);
});

test('an XPMIR_LIBTORCH that cannot be used is an error, and nothing is fetched in its place', async () => {
  const { url, requests } = await vendor(fakeArchive('2.13.0+cpu'));
  const { status, errors } = await setUp({ XPMIR_LIBTORCH: join(home, 'absent'), XPMIR_LIBTORCH_URL: url });
  expect(status).toBe(1);
  expect(errors).toContain(`XPMIR_LIBTORCH: ${join(home, 'absent')}: has no lib/libtorch`);
  expect(requests).toEqual([]);
});
