import { appendFileSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { checkBuildTools } from '../../lib/setup/tools.ts';
import { checkNode } from '../../scripts/bootstrap.mjs';
import { fakeLibtorch } from '../support/fakeLibtorch.ts';
import { type Ended, ended } from '../support/process.ts';
import { temporaryDirectory, writeFiles } from '../support/temporary.ts';

/** A small checkout whose npm and cmake only write down that they were called: what is left out matters here. */

const module = (name: string) => new URL(`../../scripts/setup/${name}`, import.meta.url).href;
const nodeModules = fileURLToPath(new URL('../../node_modules', import.meta.url));
let root: string;

const fakeCmake = `#!/bin/sh
echo "cmake $1" >> "$LOG"
if [ "$1" = -S ]; then
  /bin/mkdir -p "$4" && : > "$4/build.ninja"
  { echo "CMAKE_HOME_DIRECTORY:INTERNAL=$2"; echo "CMAKE_GENERATOR:INTERNAL=$6"; } > "$4/CMakeCache.txt"
  shift 6
  for definition; do echo "\${definition#-D}" >> "$4/CMakeCache.txt"; echo "\${definition#-D}"; done > "$LOG.cache"
  /bin/cat "$LOG.cache" >> "$ROOT/build/cmake/CMakeCache.txt"
else
  [ -z "$BROKEN" ] || exit 1
  /bin/mkdir -p "$ROOT/build/Release"
  version=$(/bin/sed -n "s/^__version__ = '\\(.*\\)'/\\1/p" "$XPMIR_LIBTORCH/version.py")
  : > "$ROOT/build/Release/addon.node"; : > "$ROOT/build/Release/preload.node"
  echo "{ \\"libtorch\\": \\"$version\\", \\"directory\\": \\"$XPMIR_LIBTORCH\\" }" > "$ROOT/build/Release/addon.json"
fi
`;

const fakeNpm = `#!/bin/sh
echo "npm $1" >> "$LOG"
[ -z "$BROKEN" ] || { echo 'npm error: no network' >&2; exit 1; }
/bin/sleep 0.3
/bin/mkdir -p "$ROOT/node_modules/a"
`;

beforeEach(() => {
  root = temporaryDirectory();
  writeFiles(
    root,
    { 'CMakeLists.txt': 'project(x)', 'native/a.cc': 'int a;', 'bin/c++': '', 'bin/ninja': '', log: '' },
    0o755,
  );
  writeFiles(root, { 'bin/cmake': fakeCmake, 'bin/npm': fakeNpm }, 0o755);
});

function environment(more: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { HOME: root, PATH: join(root, 'bin'), ROOT: root, LOG: join(root, 'log'), ...more };
}

/** What was called since the last time. */
function calls(): string[] {
  const lines = readFileSync(join(root, 'log'), 'utf8').split('\n').filter(Boolean);
  writeFileSync(join(root, 'log'), '');
  return lines;
}

describe('the addon', () => {
  let libtorch: string;

  beforeEach(() => {
    symlinkSync(nodeModules, join(root, 'node_modules'));
    libtorch = fakeLibtorch(join(root, 'libtorch'), '2.13.0');
  });

  function build(more: NodeJS.ProcessEnv = {}): Promise<Ended> {
    const code = `import { setUpNative } from '${module('native.ts')}';
try { await setUpNative('${root}'); } catch (error) { console.error(error.message); process.exitCode = 1; }`;
    const args = ['--import', 'tsx', '--input-type=module', '-e', code];
    return ended(process.execPath, args, environment({ XPMIR_LIBTORCH: libtorch, ...more }));
  }

  test('is configured and built once; a second run starts no program and says nothing', async () => {
    expect(await build()).toMatchObject({ status: 0 });
    expect(calls()).toEqual(['cmake -S', 'cmake --build']);
    expect(await build()).toMatchObject({ status: 0, output: '', errors: '' });
    expect(calls()).toEqual([]);
  });

  test('is built again, without a new configuration, when a source changed', async () => {
    await build();
    calls();
    appendFileSync(join(root, 'native/a.cc'), 'int b;');
    await build();
    expect(calls()).toEqual(['cmake --build']);
  });

  test('is built again when it is gone, when libtorch changed its minor version, and not when only its patch', async () => {
    await build();
    calls();
    rmSync(join(root, 'build/Release/addon.node'));
    await build();
    expect(calls()).toEqual(['cmake --build']);
    fakeLibtorch(libtorch, '2.13.1');
    await build();
    expect(calls()).toEqual([]);
    fakeLibtorch(libtorch, '2.14.0');
    await build();
    expect(calls()).toEqual(['cmake --build']);
  });

  test('is configured again for another libtorch', async () => {
    await build();
    calls();
    const XPMIR_LIBTORCH = fakeLibtorch(join(root, 'other'), '2.14.0');
    await build({ XPMIR_LIBTORCH });
    expect(calls()).toEqual(['cmake -S', 'cmake --build']);
  });

  test('that did not compile is not taken as built', async () => {
    expect(await build({ BROKEN: '1' })).toMatchObject({
      status: 1,
      errors: expect.stringContaining('The addon did not compile'),
    });
    calls();
    expect(await build()).toMatchObject({ status: 0 });
    expect(calls()).toEqual(['cmake --build']);
  });

  test('is built by one of two processes at once', async () => {
    const both = await Promise.all([build(), build()]);
    expect(both.map(({ status }) => status)).toEqual([0, 0]);
    expect(calls()).toEqual(['cmake -S', 'cmake --build']);
  });
});

describe('npm packages', () => {
  beforeEach(() => {
    const packages = {
      '': {},
      'node_modules/a': { version: '1.0.0' },
      'node_modules/other-system': { version: '1.0.0', optional: true },
    };
    writeFiles(root, { 'package-lock.json': JSON.stringify({ packages }) });
  });

  function install(more: NodeJS.ProcessEnv = {}): Promise<Ended> {
    const code = `import { installPackages, packagesAreFresh } from '${module('packages.mjs')}';
import { withLock } from '${new URL('../../lib/setup/lock.mjs', import.meta.url).href}';
try { if (!packagesAreFresh('${root}')) await withLock('${root}/lock', 'npm packages', () => installPackages('${root}')); }
catch (error) { console.error(error.message); process.exitCode = 1; }`;
    return ended(process.execPath, ['--input-type=module', '-e', code], environment(more));
  }

  test('are installed once, by one of two processes, and again when the lock file changes', async () => {
    const [first, second] = await Promise.all([install(), install()]);
    expect([first?.status, second?.status]).toEqual([0, 0]);
    expect(calls()).toEqual(['npm ci']);
    await install();
    expect(calls()).toEqual([]);
    writeFiles(root, {
      'package-lock.json': JSON.stringify({ packages: { 'node_modules/a': { version: '2.0.0' } } }),
    });
    await install();
    expect(calls()).toEqual(['npm ci']);
  });

  test('that a person installed are left alone when they agree with the lock file', async () => {
    const record = (version: string) => JSON.stringify({ packages: { 'node_modules/a': { version } } });
    writeFiles(root, { 'node_modules/.package-lock.json': record('1.0.0') });
    await install();
    expect(calls()).toEqual([]);
    writeFiles(root, { 'node_modules/.package-lock.json': record('0.9.0') });
    rmSync(join(root, 'node_modules/.xpmir-lock-digest'));
    await install();
    expect(calls()).toEqual(['npm ci']);
  });

  test('that could not be installed end the set-up with npm’s own words', async () => {
    const { status, errors } = await install({ BROKEN: '1' });
    expect(status).toBe(1);
    expect(errors).toContain('npm ci failed:\nnpm error: no network');
  });

  test('without npm say how to get it', async () => {
    rmSync(join(root, 'bin/npm'));
    expect(await install()).toMatchObject({
      status: 1,
      errors: expect.stringContaining('Expected npm beside Node'),
    });
  });
});

describe('missing programs', () => {
  test('are named all at once, with the commands of three systems', () => {
    const message = `Building the addon needs CMake, a C++ compiler, ninja or make, not found on this machine. To get them:
  Debian, Ubuntu: sudo apt-get install cmake g++ make
  Fedora:         sudo dnf install cmake gcc-c++ make
  macOS:          brew install cmake && xcode-select --install`;
    expect(() => checkBuildTools({ PATH: join(root, 'nothing') })).toThrow(new Error(message));
  });

  test('are only those that are missing', () => {
    rmSync(join(root, 'bin/cmake'));
    expect(() => checkBuildTools({ PATH: join(root, 'bin') })).toThrow(
      /needs CMake, not found[\s\S]*apt-get install cmake\n/,
    );
    writeFiles(root, { 'bin/cmake': '' }, 0o755);
    expect(() => checkBuildTools({ PATH: join(root, 'bin') })).not.toThrow();
    const env = { PATH: join(root, 'bin'), CXX: 'absent' }; // the compiler that a person names is the one that CMake takes
    expect(() => checkBuildTools(env)).toThrow(/needs a C\+\+ compiler, not found/);
  });

  test.each([
    ['18.20.0', false],
    ['20.18.9', false],
    ['20.19.0', true],
    ['24.1.0', true],
  ])('Node %s will do: %s', (version, good) => {
    if (good) expect(() => checkNode(version)).not.toThrow();
    else expect(() => checkNode(version)).toThrow(`Expected Node 20.19 or later but this is ${version}`);
  });
});
