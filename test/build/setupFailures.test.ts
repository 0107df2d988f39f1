import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { fakeArchive, fakeLibrary, fakeLibtorch } from '../support/fakeLibtorch.ts';
import { writeFiles } from '../support/temporary.ts';
import { mountTmpfs, unmount } from '../support/tmpfs.ts';
import { closers, expectDocumented, home, musl, noGlibc, vendor, xpmir } from '../support/userMachine.ts';

/** What `xpmir setup` says where something goes wrong, and what it does where not. docs/setup.md has the same table. */

const tmpfs: string[] = [];

afterAll(() => {
  for (const path of tmpfs.splice(0)) unmount(path);
});

describe('xpmir setup', () => {
  test('no network', async () => {
    const { status, errors } = await xpmir(['setup']);
    expect(status).toBe(1);
    expectDocumented(errors, 'xpmir: libtorch was not found. Tried:');
    expectDocumented(errors, 'download: ...: connect ECONNREFUSED');
    expectDocumented(errors, '1. Another way to the archive: `npx xpmir setup --mirror URL`');
    expect(errors).toMatch(/`npx xpmir setup --from PATH`.*HTTPS_PROXY/);
  });

  test('musl', async () => {
    const { status, errors } = await xpmir(['setup', '--dry-run'], {}, musl);
    expect(status).toBe(1);
    expectDocumented(errors, noGlibc);
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

  test.each(['a file', '/proc/xx'])('a cache under %s', async (place) => {
    writeFiles(home, { 'a file': '' });
    const { status, errors } = await xpmir(['setup'], { XDG_CACHE_HOME: resolve(home, place) });
    expect(status).toBe(1);
    expectDocumented(
      errors,
      'xpmir: Expected to write in ... but could not: set XDG_CACHE_HOME to a directory that can be written to',
    );
  });

  test('an answer that is no archive is shown, not kept, and in no other mirror’s way', async () => {
    const page = Buffer.from('<!DOCTYPE html><title>Sign in</title>');
    const whole = fakeArchive('2.13.0+cpu', { 'lib/note': 'x'.repeat(1000) });
    const flipped = Buffer.from(whole);
    flipped[flipped.indexOf('xxx')] = 0;
    for (const [body, message] of [
      [page, 'is no archive, it begins with "<!DOCTYPE html><title>Sign in'],
      [whole.subarray(0, 500), 'is damaged or cut off: End of central directory record signature not found'],
      [flipped, 'libtorch/lib/note is damaged: its checksum does not match'],
    ] as const) {
      const bad = await xpmir(['setup'], { XPMIR_LIBTORCH_URL: (await vendor(body)).url });
      expect(bad.status).toBe(1);
      expect(bad.errors).toContain(message);
      expectDocumented(
        bad.errors,
        '(removed: the next set-up fetches it again). Where the same comes again, use',
      );
      expect(readdirSync(join(home, '.cache/xpmir/libtorch/'))).toEqual([]);
    }
    const good = await xpmir(['setup'], { XPMIR_LIBTORCH_URL: (await vendor(whole)).url });
    expect(good.status).toBe(0);
  });

  test('a file of one’s own that is no archive is named, and left where it is', async () => {
    const file = join(home, 'libtorch-2.13.0.zip');
    writeFileSync(file, '<html>');
    const { errors } = await xpmir(['setup', '--from', file]);
    expectDocumented(errors, 'is no archive, it begins with ...: did a login page or a proxy answer?');
    expect(existsSync(file)).toBe(true);
  });

  test('a mirror without encryption is warned of, unless the SHA-256 is known', async () => {
    const { url: HTTP_PROXY } = await vendor(fakeArchive('2.13.0+cpu'));
    const env = { HTTP_PROXY, XPMIR_LIBTORCH_URL: 'http://mirror.invalid/a' };
    const known = await xpmir(['setup'], { ...env, XPMIR_LIBTORCH_SHA256: '0'.repeat(64) });
    expect(known.errors).not.toContain('Warning');
    const { status, errors } = await xpmir(['setup'], env);
    expect(status).toBe(0);
    expectDocumented(
      errors,
      'Warning: ... is not encrypted, and what comes from there is not known to be what was asked for: set XPMIR_LIBTORCH_SHA256 to its SHA-256',
    );
    expect(errors).toContain('set XPMIR_LIBTORCH_SHA256');
  });

  test('a mirror’s query stays a query, and is not shown', async () => {
    const { url, requests } = await vendor(fakeArchive('2.13.0+cpu'));
    const { status, errors } = await xpmir(['setup', '--mirror', `${url}/x/?token=abc`]);
    expect(requests).toEqual(['/x/libtorch-shared-with-deps-2.13.0%2Bcpu.zip?token=abc']);
    expect({ status, isShown: errors.includes('abc') }).toEqual({ status: 0, isShown: false });
    const { errors: refused } = await xpmir(['setup', '--mirror', 'nowhere']);
    expect(refused).toContain('Expected the address of a folder, such as https://host/path, for mirror');
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

    const removed = await xpmir(['setup', '--remove'], env);
    expect(removed).toMatchObject({ status: 0, output: expect.stringContaining('Removed everything in') });
    const again = await xpmir(['setup', '--remove'], env);
    expect(again.output).toContain('Nothing to remove: nothing was fetched or chosen in');
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
    writeFiles(cuda, { 'lib/libtorch_cuda.so': fakeLibrary('') });
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
