import { cpSync, existsSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { damageOf } from '../../lib/damage.ts';
import { fakeArchive, fakeLibtorch } from '../support/fakeLibtorch.ts';
import { writeFiles } from '../support/temporary.ts';
import {
  expectDocumented,
  home,
  locatedLibtorch,
  musl,
  noGlibc,
  root,
  use,
  vendor,
  withAddon,
  xpmir,
} from '../support/userMachine.ts';

/** What goes wrong on a user's machine, and what is said then. docs/setup.md has the same table. */

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

  test.each([
    ['without', {}],
    ['with', withAddon],
  ])('musl, %s an addon', async (_, env) => {
    const { errors } = await use(env, musl);
    expectDocumented(errors, `ERR_NO_NATIVE: ${noGlibc}`);
    expect(errors).not.toContain('libtorch was not found');
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
    expectDocumented(
      errors,
      '2. Install the npm package @xpmir/libtorch-cpu-linux-x64, an optional dependency of xpmir: remove node_modules and package-lock.json and run `npm install --include=optional`',
    );
    // The addon serves one version, and a program needs no headers.
    expect(errors).toContain(
      '3. Install PyTorch 2.13 and activate its environment: pip install torch==2.13.0',
    );
    expect(errors).toContain('4. Set XPMIR_LIBTORCH to a directory with lib/: ');
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

/** A libtorch with one library that was cut off: its header tells of more than there is. */
function truncatedLibtorch(): string {
  const directory = fakeLibtorch(join(home, '.cache/xpmir/libtorch/2.13.0+cpu'), '2.13.0+cpu');
  const library = join(directory, 'lib', 'libtorch_cpu.so');
  cpSync(join(root, 'build', 'Release', 'addon.node'), library);
  truncateSync(library, 100_000);
  return library;
}

describe('a libtorch that was cut off', () => {
  const cutOff = 'is cut off: it has 100000 bytes and needs ';

  test('does not end a program that loads it, and is named', async () => {
    const library = truncatedLibtorch();
    const { status, errors } = await use(withAddon);
    expect(status).toBe(1);
    expectDocumented(errors, 'ERR_NO_NATIVE: Expected a libtorch that can be loaded in ... (cache): ');
    expect(errors).toContain(`${library} ${cutOff}`);
    expectDocumented(errors, 'is cut off: it has ... bytes and needs ...');
  });

  test('is named by doctor, refused by setup --from, and fetched again by setup', async () => {
    const library = truncatedLibtorch();
    const told = await xpmir(['doctor'], withAddon);
    expect(told.output).toMatch(/^PROBLEM {2}libtorch: damaged$/m);
    expect(told.output).toContain(cutOff);
    const from = await xpmir(['setup', '--from', join(library, '../..')], withAddon);
    expect(from).toMatchObject({ status: 1, errors: expect.stringContaining(cutOff) });
    const { url } = await vendor(fakeArchive('2.13.0+cpu'));
    const mended = await xpmir(['setup'], { ...withAddon, XPMIR_LIBTORCH_URL: url });
    expect(mended.errors).toContain(`The libtorch that is here is damaged: ${library}`);
    expect(mended).toMatchObject({ status: 0, output: expect.stringContaining('Programs load libtorch') });
    expect(existsSync(library)).toBe(false);
  });

  test('is told from the whole one of these tests', () => {
    expect(damageOf(locatedLibtorch().XPMIR_LIBTORCH as string)).toBeUndefined();
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
