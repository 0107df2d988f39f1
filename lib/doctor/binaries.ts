/** The addon and libtorch: found where, of which version, and whether they load. */
import { spawnSync } from 'node:child_process';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { builtAddons, noAddonMessage } from '../addon.ts';
import { damagedLibtorch, damageOf } from '../damage.ts';
import { type Attempt, LibtorchError, locateLibtorch } from '../libtorch.ts';
import { driverVersion } from '../setup/variants.ts';
import { type Finding, note, ok, problem } from './finding.ts';
import type { Loaded } from './loadProgram.ts';

export function addonFinding(env: NodeJS.ProcessEnv): Finding {
  const addons = builtAddons(env);
  if (addons.length === 0) return problem('addon', 'none', noAddonMessage());
  const told = addons.map(
    ({ directory, libtorch, source }) => `for libtorch ${libtorch} (${source}: ${directory})`,
  );
  return ok('addon', told.join('; '));
}

export function libtorchFinding(env: NodeJS.ProcessEnv): Finding {
  try {
    const libtorch = locateLibtorch({ env });
    const { version, directory, source, tried } = libtorch;
    const damage = damageOf(directory);
    if (damage !== undefined)
      return problem('libtorch', 'damaged', damagedLibtorch(libtorch, damage).message);
    const before = tried.filter(({ outcome }) => !/^(not set|not installed|no torch|empty)$/.test(outcome));
    return ok('libtorch', `${version} (${source}: ${directory})${passedOver(before)}`);
  } catch (error) {
    if (!(error instanceof LibtorchError)) throw error;
    return problem('libtorch', 'none that can be used', error.message);
  }
}

function passedOver(attempts: readonly Attempt[]): string {
  return attempts
    .map(({ source, place, outcome }) => `; passed over ${source}: ${place}: ${outcome}`)
    .join('');
}

/** Loads both in a process of their own: a damaged library may end the one that loads it. */
export function loadFindings(env: NodeJS.ProcessEnv): Finding[] {
  const program = fileURLToPath(new URL(`./loadProgram${extname(import.meta.url)}`, import.meta.url));
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [...process.execArgv, program], {
    env,
    encoding: 'utf8',
    timeout: 120_000,
  });
  if (status !== 0) {
    const how = signal === null ? `code ${status}` : signal;
    const remedy =
      'libtorch or the addon is damaged: remove them and install again, or `npx xpmir setup --remove` and `npx xpmir setup`';
    return [problem('loading', `the process ended by ${how}: ${stderr.trim().slice(-2000)}`, remedy)];
  }
  const loaded = JSON.parse(stdout) as Loaded | { readonly message: string };
  if ('message' in loaded) return [problem('loading', 'failed', loaded.message)];
  return [
    ok(
      'loading',
      `libtorch ${loaded.version} in ${loaded.seconds.toFixed(2)} s, ${loaded.threads} threads; 1 + 1 is ${loaded.sum}`,
    ),
    cudaFinding(loaded, env),
  ];
}

function cudaFinding({ hasCuda, devices, cudaProblem }: Loaded, env: NodeJS.ProcessEnv): Finding {
  if (devices.length > 0) return ok('CUDA', devices.join(', '));
  const driver = driverVersion(env);
  if (driver === undefined) return note('CUDA', 'not used: this machine has no NVIDIA driver');
  if (!hasCuda)
    return problem(
      'CUDA',
      `not used: driver ${driver} is here, but libtorch is the build without CUDA`,
      '`npx xpmir setup --cuda` gets the one with CUDA, `npx xpmir setup --python` uses that of an installed torch',
    );
  return problem(
    'CUDA',
    `libtorch has CUDA, driver ${driver} is here, and there is no device`,
    cudaProblem ||
      'look at CUDA_VISIBLE_DEVICES and nvidia-smi; a driver that is older than libtorch’s CUDA shows no device',
  );
}
