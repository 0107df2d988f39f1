/** What `xpmir setup` is going to do: decided first, so that it can be said without being done. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { builtAddons } from '../addon.ts';
import { damageOf } from '../damage.ts';
import { expected } from '../errors.ts';
import {
  cacheDirectory,
  type Libtorch,
  libtorchFile,
  libtorchVersion,
  locateLibtorch,
  minorOf,
  pinnedVersion,
} from '../libtorch.ts';
import { platformError } from '../platform.ts';
import { pythonTorches } from '../pythonTorch.ts';
import { archiveUrl } from './archive.ts';
import type { LibtorchRequest } from './libtorch.ts';
import { checkVariant, driverVersion, type Variant, variantFor } from './variants.ts';

export interface SetUpOptions {
  /** No CUDA, whatever the machine has. */
  readonly cpu?: boolean;
  /** The build for CUDA: which one, such as `cu130`, or true for the one that suits the driver. */
  readonly cuda?: string | boolean;
  /** The torch of the active Python environment. */
  readonly python?: boolean;
  /** A wheel, an archive, an unpacked libtorch, or a directory with any of them. */
  readonly from?: string;
  /** The address of the folder that has the vendor's archive. */
  readonly mirror?: string;
}

export type SetUpPlan =
  /** Nothing is missing. */
  | { readonly action: 'keep'; readonly libtorch: Libtorch }
  /** One that is on this machine, from now on. */
  | { readonly action: 'choose'; readonly directory: string; readonly version: string }
  | {
      readonly action: 'fetch';
      readonly request: LibtorchRequest;
      readonly from: string;
      readonly place: string;
    };

/** @throws ArgumentError where libtorch does not run, for options that exclude each other, or name what is not there */
export function planSetUp(options: SetUpOptions, env: NodeJS.ProcessEnv = process.env): SetUpPlan {
  const { cpu, cuda, python, from, mirror } = options;
  const wrong = platformError();
  if (wrong !== undefined) throw wrong;
  const ways = Object.entries({ '--cpu': cpu, '--cuda': cuda, '--python': python }).filter(
    ([, value]) => value,
  );
  if (ways.length > 1) throw expected('one way', 'setup', ways.map(([name]) => name).join(' and '));
  if (python) return choosePython(env);
  const version = wantedVersion(env);
  if (from !== undefined) return fromHere(resolve(from), version, env);
  const variant = wantedVariant(options, env);
  const found = alreadyThere(variant, cpu === true || cuda !== undefined, env);
  if (found !== undefined && mirror === undefined) return { action: 'keep', libtorch: found };
  return toFetch({ version, variant, mirror }, env);
}

/** What the addons that are there were compiled against: of the same minor version, ours where it is one of them. */
function wantedVersion(env: NodeJS.ProcessEnv): string {
  const versions = builtAddons(env).map(({ libtorch }) => libtorch.split('+')[0] as string);
  if (versions.length === 0 || versions.some((each) => minorOf(each) === minorOf(pinnedVersion)))
    return pinnedVersion;
  return versions[0] as string;
}

function wantedVariant({ cpu, cuda }: SetUpOptions, env: NodeJS.ProcessEnv): Variant {
  if (typeof cuda === 'string') return checkVariant(cuda);
  if (cpu) return 'cpu';
  const driver = driverVersion(env);
  if (driver !== undefined) return variantFor(driver);
  if (cuda)
    throw expected(
      'an NVIDIA driver, or the build to fetch, such as --cuda cu130,',
      'cuda',
      'none on this machine',
    );
  return 'cpu';
}

/** The libtorch that a program would load, if it is whole and of this kind. One from Python may have CUDA without saying which. */
function alreadyThere(variant: Variant, isAsked: boolean, env: NodeJS.ProcessEnv): Libtorch | undefined {
  try {
    const libtorch = locateLibtorch({ env });
    const damage = damageOf(libtorch.directory);
    if (damage !== undefined) {
      console.error(`The libtorch that is here is damaged: ${damage}`);
      return undefined;
    }
    const isCuda = existsSync(libtorchFile(libtorch.directory).replace('libtorch.', 'libtorch_cuda.'));
    if (variant === 'cpu') return isCuda && isAsked ? undefined : libtorch;
    return isCuda && (!isAsked || libtorch.version.endsWith(variant)) ? libtorch : undefined;
  } catch {
    return undefined;
  }
}

function choosePython(env: NodeJS.ProcessEnv): SetUpPlan {
  for (const directory of pythonTorches(env, () => {})) return choose(directory);
  throw expected('a torch in VIRTUAL_ENV, CONDA_PREFIX or the python3 on PATH', 'python', 'none');
}

function choose(directory: string): SetUpPlan {
  const version = libtorchVersion(directory);
  if (version === undefined) throw expected('a libtorch that says its version', 'from', directory);
  const damage = damageOf(directory);
  if (damage !== undefined) throw expected(`a whole libtorch (${damage})`, 'from', directory);
  return { action: 'choose', directory, version };
}

function fromHere(path: string, version: string, env: NodeJS.ProcessEnv): SetUpPlan {
  if (!existsSync(path)) throw expected('an existing file or directory', 'from', path);
  if (!statSync(path).isDirectory()) return fromFile(path, version, env);
  if (existsSync(libtorchFile(path))) return choose(path);
  for (const inside of ['libtorch', 'torch'].map((name) => join(path, name)))
    if (existsSync(libtorchFile(inside))) return choose(inside);
  const name = readdirSync(path).find((each) => isLibtorchFile(each) && each.includes(version));
  if (name === undefined)
    throw expected(`a directory with a libtorch ${version}, its archive, or a wheel of torch`, 'from', path);
  return fromFile(join(path, name), version, env);
}

function isLibtorchFile(name: string): boolean {
  return /^torch-.*\.whl$|^libtorch-.*\.zip$/.test(name);
}

function fromFile(file: string, version: string, env: NodeJS.ProcessEnv): SetUpPlan {
  const variant = /(?:\+|%2B)(cpu|cu\d+)/i.exec(file)?.[1] ?? 'cpu';
  return toFetch({ version, variant: variant as Variant, file }, env);
}

function toFetch(request: LibtorchRequest, env: NodeJS.ProcessEnv): SetUpPlan {
  const place = join(cacheDirectory(env), `${request.version}+${request.variant}`);
  return { action: 'fetch', request, from: request.file ?? archiveUrl(request, env), place };
}
