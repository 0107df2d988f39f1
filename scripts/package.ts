/**
 * `npm run package [-- --libtorch DIRECTORY ...]`: builds everything and packs the npm packages into `build/packages/`.
 * With `--libtorch` the addon is compiled for further versions too, each a directory with lib/ and include/.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type Libtorch, libtorchVersion, locateLibtorch, pinnedVersion } from '../lib/libtorch.ts';
import { compile } from '../lib/setup/compile.ts';
import { ensureLibtorch } from '../lib/setup/libtorch.ts';
import { megabytes } from '../lib/setup/progress.mjs';
import { contentProblems } from './package/contents.ts';
import { type Compiled, stageAddon, stageLibtorch, stageMain, stageSource } from './package/stage.ts';
import { newerSymbols } from './package/symbols.ts';
import { setUpNative } from './setup/native.ts';

const root = join(import.meta.dirname, '..');
const work = join(root, 'build', 'package');
const output = join(root, 'build', 'packages');

const { values } = parseArgs({ options: { libtorch: { type: 'string', multiple: true, default: [] } } });
await setUpNative(root);
const libtorch = await pinned();
const compiled = [
  { directory: join(root, 'build', 'Release'), libtorch: libtorch.version },
  ...(await compileFor(values.libtorch.map((each) => resolve(each)))),
];

step('Compiling TypeScript');
rmSync(join(root, 'dist'), { recursive: true, force: true });
run('npm', ['run', '--silent', 'build']);

step('Staging');
const staged = [
  stageSource(root, join(work, 'source')),
  stageAddon(root, join(work, 'addon'), compiled),
  stageMain(root, join(work, 'main'), pinnedVersion),
];
const [, addon] = staged as [string, string, string];
const binaries = readdirSync(addon, { recursive: true, encoding: 'utf8' }).filter((path) =>
  path.endsWith('.node'),
);
const problems = [
  ...staged.flatMap((directory) => contentProblems(directory, [root, homedir(), libtorch.directory])),
  ...binaries.flatMap((path) => newerSymbols(join(addon, path))),
];
if (problems.length > 0) throw new Error(`The packages are not fit to be published:\n${problems.join('\n')}`);

run('npx', ['publint', 'run', staged[2] as string, '--strict', '--pack', 'false']);

mkdirSync(output, { recursive: true });
const packed = staged.map((directory) => pack(directory));
packed.push(packLibtorch());
for (const file of readdirSync(output).filter((name) => name.endsWith('.tgz')))
  if (!packed.includes(file)) rmSync(join(output, file)); // of a version before
step('Packed into build/packages/');
for (const file of packed)
  console.log(`${megabytes(statSync(join(output, file)).size).padStart(8)}  ${file}`);

/** The version that the packages are made with; another one that happens to be installed will not do. */
async function pinned(): Promise<Libtorch> {
  const found = await ensureLibtorch();
  if (found.version.split('+')[0] === pinnedVersion) return found;
  throw new Error(
    `Expected libtorch ${pinnedVersion} to make packages with but found ${found.version} in ${found.directory}: set XPMIR_LIBTORCH`,
  );
}

async function compileFor(directories: readonly string[]): Promise<Compiled[]> {
  const made: Compiled[] = [];
  for (const directory of directories) {
    const version = libtorchVersion(directory) ?? 'unknown';
    const target = join(work, 'addons', version);
    const found = locateLibtorch({ env: { XPMIR_LIBTORCH: directory }, builtFor: [], headers: true });
    await compile({ source: root, work: join(work, 'cmake', version), output: target, libtorch: found });
    made.push({ directory: target, libtorch: version });
  }
  return made;
}

/** Half a gigabyte is stripped and packed in minutes: once for each libtorch. */
function packLibtorch(): string {
  const digest = createHash('sha256')
    .update(readFileSync(join(import.meta.dirname, 'package', 'stage.ts')))
    .update(readFileSync(join(import.meta.dirname, 'package', 'manifests.ts')))
    .update(`${libtorch.version} ${statSync(join(libtorch.directory, 'lib', 'libtorch_cpu.so')).size}`)
    .digest('hex');
  const stamp = join(work, 'libtorch.stamp');
  const before = existsSync(stamp) ? (JSON.parse(readFileSync(stamp, 'utf8')) as Record<string, string>) : {};
  if (before.digest === digest && existsSync(join(output, before.file as string)))
    return before.file as string;
  step(`Packing libtorch ${libtorch.version}, which takes a minute or two`);
  const file = pack(stageLibtorch(libtorch.directory, join(work, 'libtorch'), pinnedVersion));
  writeFileSync(stamp, JSON.stringify({ digest, file }));
  return file;
}

function pack(directory: string): string {
  const [{ filename }] = JSON.parse(
    run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', work], directory),
  ) as [{ filename: string }];
  const file = filename.replace(/^@/, '').replace('/', '-');
  renameSync(join(work, file), join(output, file));
  return file;
}

function run(command: string, args: readonly string[], cwd = root): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  if (status === 0) return stdout;
  throw new Error(`${command} ${args.join(' ')} failed:\n${error?.message ?? `${stdout}${stderr}`}`);
}

function step(text: string): void {
  console.error(`--- ${text}`);
}
