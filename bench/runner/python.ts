/** The Python to compare with: the one that has the same torch, or one that is set up for it in the cache. */

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const cpuIndex = 'https://download.pytorch.org/whl/cpu';

/** XPMIR_PYTHON, python3, or a virtual environment in the cache, which is made when neither has torch `version`. */
export function referencePython(version: string, env: NodeJS.ProcessEnv = process.env): string {
  const wanted = release(version);
  const chosen = env.XPMIR_PYTHON;
  if (chosen) {
    const found = torchOf(chosen);
    if (found !== wanted)
      throw new Error(`Expected torch ${wanted} in XPMIR_PYTHON (${chosen}) but found ${found ?? 'none'}`);
    return chosen;
  }
  if (torchOf('python3') === wanted) return 'python3';
  const directory = join(
    env.XDG_CACHE_HOME || join(env.HOME || homedir(), '.cache'),
    'xpmir',
    'bench-python',
  );
  const python = join(directory, 'bin', 'python');
  if (!existsSync(python) || torchOf(python) !== wanted) setUp(directory, python, wanted);
  return python;
}

/** 2.13.0+cpu and 2.13.0 are the same release. */
function release(version: string): string {
  return version.split('+')[0]!;
}

function torchOf(python: string): string | undefined {
  const script = 'import importlib.metadata as m; m.version("numpy"); print(m.version("torch"))';
  const { status, stdout } = spawnSync(python, ['-c', script], { encoding: 'utf8' });
  return status === 0 ? release(stdout.trim()) : undefined;
}

function setUp(directory: string, python: string, version: string): void {
  console.error(
    `No Python with torch ${version} and numpy in XPMIR_PYTHON or python3: installing them (about 200 MB) in ${directory}`,
  );
  const pip = (...args: string[]) =>
    execFileSync(python, ['-m', 'pip', 'install', ...args], { stdio: ['ignore', 2, 2] });
  try {
    mkdirSync(directory, { recursive: true });
    execFileSync('python3', ['-m', 'venv', directory], { stdio: ['ignore', 2, 2] });
    const torch = process.platform === 'darwin' ? `torch==${version}` : `torch==${version}+cpu`;
    try {
      pip('--retries', '0', '--extra-index-url', cpuIndex, torch, 'numpy');
    } catch {
      pip(`torch==${version}`, 'numpy'); // an index that has no build without CUDA
    }
  } catch (error) {
    throw new Error(
      `Could not install the reference (${(error as Error).message.split('\n')[0]}). Install torch==${version} and numpy ` +
        'in a Python of your own and set XPMIR_PYTHON to it',
    );
  }
}
