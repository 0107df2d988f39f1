import { mkdirSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { builtAddons } from '../../lib/addon.ts';
import { type LibtorchError, type LocateOptions, locateLibtorch, minorOf } from '../../lib/libtorch.ts';
import { fakeLibtorch } from '../support/fakeLibtorch.ts';
import { temporaryDirectory, writeFiles } from '../support/temporary.ts';

const platformPackage = `node_modules/@xpmir/libtorch-cpu-${process.platform}-${process.arch}`;
let home: string;

beforeEach(() => {
  home = realpathSync(temporaryDirectory());
});

/** Searches in a world of its own: nothing of this machine's environment is seen. */
function locate(env: NodeJS.ProcessEnv = {}, options: LocateOptions = {}) {
  return locateLibtorch({ builtFor: [], cwd: home, env: { HOME: home, ...env }, ...options });
}

function failure(env: NodeJS.ProcessEnv = {}, options: LocateOptions = {}): LibtorchError {
  try {
    locate(env, options);
  } catch (error) {
    return error as LibtorchError;
  }
  throw new Error('Expected locateLibtorch to throw');
}

function pythonWith(prefix: string, version: string, python = 'python3.11'): string {
  return fakeLibtorch(join(home, prefix, 'lib', python, 'site-packages', 'torch'), version);
}

describe('the search order', () => {
  test('is XPMIR_LIBTORCH, npm package, virtual environment, conda, python3 on PATH, cache', () => {
    const places: [source: string, directory: string][] = [
      ['XPMIR_LIBTORCH', fakeLibtorch(join(home, 'named'), '2.11.0')],
      ['npm package', fakeLibtorch(join(home, platformPackage), '2.13.0+cpu')],
      ['Python', pythonWith('venv', '2.12.1')],
      ['Python', pythonWith('conda', '2.14.1+cu130')],
      ['Python', pythonWith('usual', '2.13.0')],
      ['cache', fakeLibtorch(join(home, '.cache/xpmir/libtorch/2.13.0+cpu'), '2.13.0+cpu')],
    ];
    writeFiles(join(home, platformPackage), { 'package.json': '{ "name": "libtorch" }' });
    writeFiles(join(home, 'usual/bin'), { python3: '' }, 0o755);
    const env: NodeJS.ProcessEnv = {
      XPMIR_LIBTORCH: join(home, 'named'),
      VIRTUAL_ENV: join(home, 'venv'),
      CONDA_PREFIX: join(home, 'conda'),
      PATH: `${join(home, 'nothing')}:${join(home, 'usual/bin')}`,
    };
    for (const [source, directory] of places) {
      expect(locate(env)).toMatchObject({ source, directory });
      rmSync(directory, { recursive: true });
      if (source === 'XPMIR_LIBTORCH') delete env.XPMIR_LIBTORCH;
    }
    const { code, tried } = failure(env);
    expect(code).toBe('ERR_LIBTORCH_NOT_FOUND');
    const order = ['XPMIR_LIBTORCH', 'npm package', 'Python', 'Python', 'Python', 'Python', 'cache'];
    expect(tried.map(({ source }) => source)).toEqual(order);
  });

  test('in the cache prefers the pinned version, then the newest', () => {
    const cache = join(home, 'elsewhere/xpmir/libtorch');
    for (const version of ['2.11.0+cpu', '2.13.0+cpu', '2.14.1+cpu', '2.12.0+cpu'])
      fakeLibtorch(join(cache, version), version);
    mkdirSync(join(cache, '.staging-x'));
    const env = { XDG_CACHE_HOME: join(home, 'elsewhere') };
    for (const version of ['2.13.0+cpu', '2.14.1+cpu', '2.12.0+cpu', '2.11.0+cpu']) {
      expect(locate(env)).toMatchObject({ source: 'cache', version });
      rmSync(join(cache, version), { recursive: true });
    }
  });
});

describe('an explicit XPMIR_LIBTORCH', () => {
  test('is taken relative to the working directory, and given back absolute', () => {
    fakeLibtorch(join(home, 'here'), '2.13.0');
    expect(locate({ XPMIR_LIBTORCH: 'here' }).directory).toBe(join(home, 'here'));
  });

  test('that cannot be used is an error, even when another place has one', () => {
    pythonWith('venv', '2.13.0');
    const { code, message } = failure({
      XPMIR_LIBTORCH: join(home, 'absent'),
      VIRTUAL_ENV: join(home, 'venv'),
    });
    expect(code).toBe('ERR_LIBTORCH_NOT_FOUND');
    expect(message).toContain(`XPMIR_LIBTORCH: ${join(home, 'absent')}: has no lib/libtorch`);
  });

  test('of the vendor says its version in build-version', () => {
    const directory = fakeLibtorch(join(home, 'vendor'), '0');
    rmSync(join(directory, 'version.py'));
    expect(failure({ XPMIR_LIBTORCH: directory }).message).toContain('says no version');
    writeFiles(directory, { 'build-version': '2.13.0+cpu\n' });
    expect(locate({ XPMIR_LIBTORCH: directory }).version).toBe('2.13.0+cpu');
  });
});

describe('versions', () => {
  test.each([
    ['2.10.1', false],
    ['2.11.0', true],
    ['2.12.1+cu126', true],
    ['2.13.0+cpu', true],
    ['2.14.1', true],
    ['2.15.0', false],
    ['3.11.0', false],
  ])('%s is supported: %s', (version, supported) => {
    const env = { XPMIR_LIBTORCH: fakeLibtorch(join(home, 'torch'), version) };
    if (supported) expect(locate(env).version).toBe(version);
    else expect(failure(env)).toMatchObject({ code: 'ERR_LIBTORCH_VERSION' });
  });

  test('one that the addon was not built for is passed over for one that it was', () => {
    pythonWith('venv', '2.14.1');
    const cached = fakeLibtorch(join(home, '.cache/xpmir/libtorch/2.13.1+cpu'), '2.13.1+cpu');
    const env = { VIRTUAL_ENV: join(home, 'venv') };
    const found = locate(env, { builtFor: ['2.13.0+cpu'] });
    expect(found).toMatchObject({ directory: cached, source: 'cache' }); // another patch of the same minor version will do
    expect(found.tried.map(({ outcome }) => outcome)).toContain(
      'version 2.14.1, the addon is built for 2.13.0+cpu',
    );
  });

  test('the error says found, needed and how to fix it', () => {
    const directory = fakeLibtorch(join(home, 'torch'), '2.14.1+cu130');
    const { code, message } = failure({ XPMIR_LIBTORCH: directory }, { builtFor: ['2.13.0+cpu'] });
    expect(code).toBe('ERR_LIBTORCH_VERSION');
    expect(message).toBe(
      `Found libtorch 2.14.1+cu130 in ${directory} but needed version 2.13, which the addon is built for. To fix it, run \
\`npm run setup\` to build for what is installed, or set XPMIR_LIBTORCH to a libtorch 2.13.`,
    );
  });

  test('the addon says what it was built for, in the build that XPMIR_ADDON_ROOT names', () => {
    writeFiles(home, { 'build/Release/addon.json': '{ "libtorch": "2.12.0+cpu", "directory": "there" }' });
    const named = builtAddons({ XPMIR_ADDON_ROOT: home });
    expect(named).toEqual([
      { directory: join(home, 'build/Release'), libtorch: '2.12.0+cpu', source: 'XPMIR_ADDON_ROOT' },
    ]);
    expect(builtAddons({ XPMIR_ADDON_ROOT: join(home, 'unbuilt') })).toEqual([]);
    const [own] = builtAddons({ HOME: home }); // the one that these tests run with
    expect(own).toMatchObject({ source: 'this checkout', libtorch: expect.stringMatching(/^2\.1[1-4]\./) });
  });

  test('minorOf leaves the patch and the variant out', () => {
    expect(minorOf('2.13.0+cpu')).toBe('2.13');
  });
});

test('a build needs headers, a program does not', () => {
  const directory = fakeLibtorch(join(home, 'torch'), '2.13.0');
  rmSync(join(directory, 'include'), { recursive: true });
  const env = { XPMIR_LIBTORCH: directory };
  expect(locate(env).directory).toBe(directory);
  expect(failure(env, { headers: true }).message).toContain('has no include/');
});

describe('python3 on PATH', () => {
  function python(path: string): NodeJS.ProcessEnv {
    writeFiles(home, { [path]: '' }, 0o755);
    return { PATH: join(home, path, '..') };
  }

  test('is followed through links to its installation', () => {
    const torch = pythonWith('opt/python', '2.13.0');
    python('opt/python/bin/python3.11');
    mkdirSync(join(home, 'bin'));
    symlinkSync('../opt/python/bin/python3.11', join(home, 'bin/python3'));
    expect(locate({ PATH: join(home, 'bin') }).directory).toBe(torch);
  });

  test('of a virtual environment has its packages beside the link', () => {
    const torch = pythonWith('venv', '2.13.0');
    pythonWith('opt/python', '2.12.0');
    python('opt/python/bin/python3.11');
    writeFiles(home, { 'venv/pyvenv.cfg': 'home = somewhere', 'venv/bin/activate': '' });
    symlinkSync('../../opt/python/bin/python3.11', join(home, 'venv/bin/python3'));
    expect(locate({ PATH: join(home, 'venv/bin') }).directory).toBe(torch);
  });

  test('of pyenv is a script, and the version file tells which installation it starts', () => {
    const torch = pythonWith('.pyenv/versions/3.12.4', '2.13.0', 'python3.12');
    const env = python('.pyenv/shims/python3');
    writeFiles(home, { '.pyenv/version': '3.12.4\n' });
    expect(locate(env).directory).toBe(torch);
    const other = pythonWith('.pyenv/versions/3.11.7', '2.13.0');
    expect(locate({ ...env, PYENV_VERSION: '3.11.7' }).directory).toBe(other);
  });

  test("has the user's own packages after the installation's", () => {
    const env = python('usr/bin/python3');
    const own = pythonWith('.local', '2.13.0');
    expect(locate(env).directory).toBe(own);
    const installed = fakeLibtorch(join(home, 'usr/lib/python3/dist-packages/torch'), '2.13.0');
    expect(locate(env).directory).toBe(installed);
  });

  test('is not started', () => {
    pythonWith('opt', '2.13.0');
    const marker = join(home, 'started');
    writeFiles(home, { 'opt/bin/python3': `#!/bin/sh\necho > '${marker}'\n` }, 0o755);
    expect(locate({ PATH: join(home, 'opt/bin') }).source).toBe('Python');
    expect(() => realpathSync(marker)).toThrow(/ENOENT/);
  });
});

test('the message for nothing found names each place and three ways out', () => {
  const { message } = failure({ VIRTUAL_ENV: join(home, 'venv') });
  expect(message).toContain('XPMIR_LIBTORCH: environment: not set');
  expect(message).toContain(`Python: ${join(home, 'venv')}: no torch`);
  expect(message).toContain(`cache: ${join(home, '.cache/xpmir/libtorch')}: empty`);
  expect(message.match(/^ {2}\d\. /gm)).toHaveLength(3);
});
