/** The addon: configured and compiled by CMake, and left alone while its inputs, outputs and libtorch are unchanged. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, freemem } from 'node:os';
import { join } from 'node:path';
import { type Libtorch, locateLibtorch } from '../../lib/libtorch.ts';
import { ensureLibtorch } from './libtorch.ts';
import { withLock } from './lock.mjs';
import { buildGenerator, checkBuildTools } from './tools.ts';

export interface NativeOptions {
  /** Compiles with address and undefined-behaviour sanitizers into `build/sanitize/`, an XPMIR_ADDON_ROOT, beside the ordinary build. */
  readonly sanitize?: boolean;
}

interface Layout {
  readonly work: string;
  readonly output: string;
  readonly stamp: string;
  readonly sanitize: boolean;
}

/** Builds the addon if it is not up to date, after getting libtorch if there is none. */
export async function setUpNative(root: string, { sanitize = false }: NativeOptions = {}): Promise<void> {
  const layout: Layout = sanitize
    ? {
        work: 'build/cmake-sanitize',
        output: 'build/sanitize/build/Release',
        stamp: '.setup/sanitize',
        sanitize,
      }
    : { work: 'build/cmake', output: 'build/Release', stamp: '.setup/native', sanitize };
  if (isFresh(root, layout)) return;
  await withLock(join(root, '.setup', 'lock'), 'the native addon', async () => {
    if (isFresh(root, layout)) return; // another process built it while this one waited
    checkBuildTools();
    const libtorch = await ensureLibtorch();
    await build(root, layout, libtorch);
  });
}

function isFresh(root: string, layout: Layout): boolean {
  const stamp = join(root, layout.stamp);
  const outputs = ['addon.node', 'preload.node', 'addon.json'].map((name) => join(root, layout.output, name));
  if (![stamp, ...outputs].every((path) => existsSync(path))) return false;
  if (readFileSync(stamp, 'utf8') !== inputDigest(root)) return false;
  try {
    locateLibtorch({ builtFor: JSON.parse(readFileSync(outputs[2] as string, 'utf8')).libtorch });
    return true;
  } catch {
    return false;
  }
}

async function build(root: string, layout: Layout, libtorch: Libtorch): Promise<void> {
  const digest = inputDigest(root); // of what is compiled now: an edit during the build must not look built
  const work = join(root, layout.work);
  console.error(
    `Building the addon against libtorch ${libtorch.version} (${libtorch.source}: ${libtorch.directory})`,
  );
  if (cachedValue(work, 'CMAKE_HOME_DIRECTORY') !== root) rmSync(work, { recursive: true, force: true }); // a moved checkout
  const generator = cachedValue(work, 'CMAKE_GENERATOR') ?? buildGenerator();
  const settings = {
    XPMIR_LIBTORCH: libtorch.directory,
    XPMIR_OUTPUT: join(root, layout.output),
    XPMIR_SANITIZE: layout.sanitize ? 'address,undefined' : '',
  };
  const isConfigured = ['build.ninja', 'Makefile'].some((name) => existsSync(join(work, name)));
  if (!isConfigured || Object.entries(settings).some(([name, value]) => cachedValue(work, name) !== value)) {
    const definitions = Object.entries(settings).map(([name, value]) => `-D${name}=${value}`);
    await run(
      'cmake',
      ['-S', root, '-B', work, '-G', generator, ...definitions],
      'CMake could not configure the addon',
    );
  }
  await run('cmake', ['--build', work, '--parallel', String(jobs())], 'The addon did not compile');
  mkdirSync(join(root, '.setup'), { recursive: true });
  writeFileSync(join(root, layout.stamp), digest);
}

/** A file of libtorch's headers takes over 1 GB to compile: as many at once as memory allows. */
function jobs(): number {
  return Math.max(1, Math.min(availableParallelism(), Math.floor(freemem() / 1.5e9)));
}

/** What decides the result, other than libtorch: sources, CMake's file, and the header packages. */
function inputDigest(root: string): string {
  const hash = createHash('sha256');
  const sources = readdirSync(join(root, 'native')).filter((name) => /\.(cc|h)$/.test(name));
  const headers = ['node-addon-api', 'node-api-headers'].map((name) => `node_modules/${name}/package.json`);
  for (const path of ['CMakeLists.txt', ...headers, ...sources.sort().map((name) => `native/${name}`)]) {
    hash.update(`${path}\0`).update(readFileSync(join(root, path)));
  }
  return hash.digest('hex');
}

/** A value that CMake remembers from the last configuration of a build directory. */
function cachedValue(work: string, name: string): string | undefined {
  const cache = join(work, 'CMakeCache.txt');
  if (!existsSync(cache)) return undefined;
  return new RegExp(`^${name}(?::\\w+)?=(.*)$`, 'm').exec(readFileSync(cache, 'utf8'))?.[1];
}

async function run(command: string, args: readonly string[], failure: string): Promise<void> {
  const { MAKEFLAGS: _, ...env } = process.env; // node-gyp's own make would hand its job server to ours
  // CMake's progress goes to standard error with ours: standard output belongs to the program that is set up for.
  const child = spawn(command, args, { stdio: ['ignore', 2, 2], env });
  const status = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
  if (status !== 0) throw new Error(`${failure}: the messages are above`);
}
