/** Gets the CPU wheel of torch through pip, so that a person's own index, mirror, proxy and certificates apply. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { verifyFile, wheelBytes } from './checksums.ts';
import type { FetchedZip, LibtorchRequest } from './libtorch.ts';
import { megabytes, Progress } from './progress.mjs';

/** PyTorch's own index of wheels without CUDA; on a Mac every wheel is one. */
const cpuIndex = 'https://download.pytorch.org/whl/cpu';

function requirementOf({ version }: LibtorchRequest): string {
  return `torch==${version}${process.platform === 'darwin' ? '' : '+cpu'}`;
}

/** The Python to ask: XPMIR_PYTHON, or python3; undefined when it has no pip. */
export function pythonWithPip(env: NodeJS.ProcessEnv): string | undefined {
  const python = env.XPMIR_PYTHON ?? 'python3';
  return spawnSync(python, ['-m', 'pip', '--version'], { env, stdio: 'ignore' }).status === 0
    ? python
    : undefined;
}

/** Downloads the wheel under `staging`. Rejects with pip's last words. */
export async function fetchWheel(
  python: string,
  staging: string,
  request: LibtorchRequest,
  env: NodeJS.ProcessEnv,
): Promise<FetchedZip> {
  const requirement = requirementOf(request);
  const directory = join(staging, 'wheel');
  mkdirSync(directory);
  const progress = new Progress(`Downloading ${requirement} with pip`, wheelBytes(), megabytes);
  const timer = setInterval(() => progress.update(bytesUnder(staging)), 250);
  try {
    await downloadForAnyPython(python, requirement, directory, staging, env);
  } finally {
    clearInterval(timer);
    progress.stop();
  }
  const [wheel] = readdirSync(directory).filter((name) => name.endsWith('.whl'));
  if (wheel === undefined) throw new Error('pip brought no wheel');
  const path = join(directory, wheel);
  progress.finish(megabytes(statSync(path).size));
  await verifyFile(path);
  return { path, folder: 'torch/', discard: () => rmSync(directory, { recursive: true, force: true }) };
}

/** The libraries inside are the same for every Python: where this one is too old or new for torch, another's wheel will do. */
async function downloadForAnyPython(
  python: string,
  requirement: string,
  directory: string,
  staging: string,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  try {
    await pip(python, [requirement], directory, staging, env);
  } catch (error) {
    const machine = process.arch === 'arm64' ? 'aarch64' : 'x86_64';
    const platform = process.platform === 'darwin' ? 'macosx_14_0_arm64' : `manylinux_2_28_${machine}`;
    const other = [
      '--only-binary=:all:',
      '--implementation=cp',
      '--python-version=3.11',
      '--abi=cp311',
      `--platform=${platform}`,
    ];
    if (!/no matching distribution|ResolutionImpossible/i.test((error as Error).message)) throw error;
    await pip(python, [...other, requirement], directory, staging, env);
  }
}

async function pip(
  python: string,
  extra: readonly string[],
  directory: string,
  staging: string,
  env: NodeJS.ProcessEnv,
) {
  // Few retries and a short patience per answer: pip's own would wait minutes for an index that is not there.
  const patience = [
    '--retries',
    '2',
    '--timeout',
    '15',
    '--disable-pip-version-check',
    '--progress-bar',
    'off',
  ];
  const args = [
    '-m',
    'pip',
    'download',
    '--no-deps',
    ...patience,
    '--extra-index-url',
    cpuIndex,
    '--dest',
    directory,
    ...extra,
  ];
  // TMPDIR: pip writes a download there first, and it shall be on the cache's disk, where its growth is seen.
  const child = spawn(python, args, {
    env: { ...env, TMPDIR: staging },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let words = '';
  child.stderr.on('data', (chunk) => {
    words = `${words}${chunk}`.slice(-4000);
  });
  const status = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
  const errors = words.split('\n').filter((line) => line.startsWith('ERROR'));
  if (status !== 0) throw new Error(errors.join(' ') || words.trim() || `pip ended with ${status}`);
}

function bytesUnder(directory: string): number {
  let bytes = 0;
  for (const entry of readdirSync(directory, { withFileTypes: true, recursive: true })) {
    try {
      if (entry.isFile()) bytes += statSync(join(entry.parentPath, entry.name)).size;
    } catch {
      // pip moved it meanwhile
    }
  }
  return bytes;
}
