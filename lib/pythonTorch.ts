/** Finds installed Python torches by the layout of Python installations, because starting one costs more than all of this. */
import { accessSync, constants, existsSync, readFileSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { listDirectory } from './listDirectory.ts';

/** The `torch/` folders of VIRTUAL_ENV, CONDA_PREFIX and the first python3 on PATH, in this order. */
export function* pythonTorches(
  env: NodeJS.ProcessEnv,
  nothingIn: (place: string) => void,
): Generator<string> {
  const seen = new Set<string>();
  let any = false;
  for (const prefix of prefixes(env)) {
    if (seen.has(prefix)) continue;
    seen.add(prefix);
    any = true;
    const torches = sitePackages(prefix)
      .map((directory) => join(directory, 'torch'))
      .filter((directory) => existsSync(join(directory, 'version.py')));
    if (torches.length === 0) nothingIn(prefix);
    yield* torches;
  }
  if (!any) nothingIn('VIRTUAL_ENV, CONDA_PREFIX, python3 on PATH');
}

function* prefixes(env: NodeJS.ProcessEnv): Generator<string> {
  if (env.VIRTUAL_ENV) yield env.VIRTUAL_ENV;
  if (env.CONDA_PREFIX) yield env.CONDA_PREFIX;
  const python = firstOnPath('python3', env);
  if (python === undefined) return;
  const directory = dirname(python);
  // A virtual environment's python3 is a link: its packages are beside the link, not beside what it points to.
  if (existsSync(join(directory, '..', 'pyvenv.cfg'))) {
    yield dirname(directory);
  } else {
    yield pyenvPrefix(directory, env) ?? dirname(dirname(realpathSync(python)));
    if (env.HOME) yield join(env.HOME, '.local'); // pip install --user
    if (python.startsWith('/usr/')) yield '/usr/local'; // where Debian's python3 lets pip install
  }
}

function sitePackages(prefix: string): string[] {
  return ['lib', 'lib64'].flatMap((lib) =>
    listDirectory(join(prefix, lib))
      .filter((name) => /^python3(\.\d+)?$/.test(name))
      .sort(newestFirst)
      .flatMap((name) => ['site-packages', 'dist-packages'].map((folder) => join(prefix, lib, name, folder))),
  );
}

function newestFirst(a: string, b: string): number {
  return Number(b.split('.')[1] ?? 0) - Number(a.split('.')[1] ?? 0);
}

function firstOnPath(name: string, env: NodeJS.ProcessEnv): string | undefined {
  for (const directory of (env.PATH ?? '').split(delimiter)) {
    if (directory === '') continue;
    const candidate = join(directory, name);
    try {
      accessSync(candidate, constants.X_OK);
      return candidate;
    } catch {
      // not in this one
    }
  }
  return undefined;
}

/** pyenv puts a shell script named python3 on PATH; the version that it would start stands in an environment variable or a file. */
function pyenvPrefix(directory: string, env: NodeJS.ProcessEnv): string | undefined {
  const root = dirname(directory);
  if (!directory.endsWith('shims') || !existsSync(join(root, 'versions'))) return undefined;
  try {
    const chosen = env.PYENV_VERSION ?? readFileSync(join(root, 'version'), 'utf8');
    return join(root, 'versions', chosen.split(/[:\s]/)[0] as string);
  } catch {
    return undefined;
  }
}
