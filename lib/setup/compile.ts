/** Compiling the addon: CMake configures and builds what `CMakeLists.txt` of a source directory says. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, freemem } from 'node:os';
import { join } from 'node:path';
import type { Libtorch } from '../libtorch.ts';
import { buildGenerator } from './tools.ts';

export interface Compilation {
  /** The directory with `CMakeLists.txt` and `native/`. */
  readonly source: string;
  /** Where CMake works; what is there from the last time is used again. */
  readonly work: string;
  /** Where the addon appears. */
  readonly output: string;
  readonly libtorch: Libtorch;
  /** With address and undefined-behaviour sanitizers. Default: false. */
  readonly sanitize?: boolean;
}

/** @throws Error where CMake or the compiler failed; their messages are on standard error. */
export async function compile(compilation: Compilation): Promise<void> {
  const { source, work, output, libtorch, sanitize = false } = compilation;
  console.error(
    `Building the addon against libtorch ${libtorch.version} (${libtorch.source}: ${libtorch.directory})`,
  );
  if (cachedValue(work, 'CMAKE_HOME_DIRECTORY') !== source) rmSync(work, { recursive: true, force: true }); // it was moved
  const generator = cachedValue(work, 'CMAKE_GENERATOR') ?? buildGenerator();
  const settings = {
    XPMIR_LIBTORCH: libtorch.directory,
    XPMIR_OUTPUT: output,
    XPMIR_SANITIZE: sanitize ? 'address,undefined' : '',
  };
  const isConfigured = ['build.ninja', 'Makefile'].some((name) => existsSync(join(work, name)));
  if (!isConfigured || Object.entries(settings).some(([name, value]) => cachedValue(work, name) !== value)) {
    const definitions = Object.entries(settings).map(([name, value]) => `-D${name}=${value}`);
    await run(
      'cmake',
      ['-S', source, '-B', work, '-G', generator, ...definitions],
      'CMake could not configure the addon',
    );
  }
  await run('cmake', ['--build', work, '--parallel', String(jobs())], 'The addon did not compile');
}

/** A file of libtorch's headers takes over 1 GB to compile: as many at once as memory allows. */
function jobs(): number {
  return Math.max(1, Math.min(availableParallelism(), Math.floor(freemem() / 1.5e9)));
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
