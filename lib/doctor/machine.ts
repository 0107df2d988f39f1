/** What the machine gives: Node, the platform, memory, disks, and what compiling would need. */
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { availableParallelism, freemem, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { cacheDirectory } from '../libtorch.ts';
import { glibcVersion, isOlder, platformName, platformProblem } from '../platform.ts';
import { freeBytes } from '../setup/space.ts';
import { missingTools } from '../setup/tools.ts';
import { type Finding, gigabytes, note, ok, problem } from './finding.ts';

const oldestNode = '20.19.0';
/** A small model with what training it needs. */
const littleMemory = 1e9;
/** libtorch for the CPU, packed and unpacked. */
const littleDisk = 1e9;

export function nodeFinding(version: string = process.versions.node): Finding {
  if (isOlder(version, oldestNode))
    return problem('Node', version, `Node ${oldestNode} or later is needed: get one from nodejs.org`);
  return ok('Node', `${version} (${process.execPath})`);
}

export function platformFinding(): Finding {
  const glibc = glibcVersion();
  const found = `${platformName()}${glibc === undefined ? '' : `, glibc ${glibc}`}`;
  const wrong = platformProblem();
  return wrong === undefined ? ok('platform', found) : problem('platform', found, wrong);
}

export function memoryFinding(): Finding {
  const limit = process.constrainedMemory?.() || totalmem();
  const total = Math.min(limit, totalmem());
  const found = `${gigabytes(Math.min(freemem(), total))} free of ${gigabytes(total)}`;
  return total < littleMemory
    ? note('memory', found, 'little for training: expect out-of-memory errors')
    : ok('memory', found);
}

export function threadsFinding(env: NodeJS.ProcessEnv): Finding {
  const cores = availableParallelism();
  const set = env.OMP_NUM_THREADS;
  const quota = cpuQuota();
  const found = `${cores} cores${quota === undefined ? '' : `, of which a control group allows ${quota}`}${set ? `, OMP_NUM_THREADS=${set}` : ''}`;
  if (set !== undefined && Number(set) > cores)
    return note('threads', found, `more threads than cores slow each other down: OMP_NUM_THREADS=${cores}`);
  if (set === undefined && quota !== undefined && quota < cores)
    return note(
      'threads',
      found,
      `OMP_NUM_THREADS=${Math.max(1, Math.floor(quota))} keeps to what is allowed`,
    );
  return ok('threads', found);
}

/** Cores that the control group allows (version 2); undefined without a limit. */
function cpuQuota(): number | undefined {
  try {
    const [quota, period] = readFileSync('/sys/fs/cgroup/cpu.max', 'utf8').split(' ').map(Number);
    return Number.isFinite(quota) ? (quota as number) / (period as number) : undefined;
  } catch {
    return undefined;
  }
}

export function diskFinding(): Finding {
  const free = freeBytes(process.cwd());
  const found = `${gigabytes(free)} free here`;
  return free < littleDisk ? note('disk', found, 'little for checkpoints') : ok('disk', found);
}

export function cacheFinding(env: NodeJS.ProcessEnv): Finding {
  const cache = cacheDirectory(env);
  const existing = nearest(cache);
  const remedy =
    'set XDG_CACHE_HOME to a directory that can be written to; only `xpmir setup` and `xpmir build` need it';
  try {
    if (!statSync(existing).isDirectory()) throw new Error(`${existing} is no directory`);
    accessSync(existing, constants.W_OK);
    if (existing === cache) {
      const probe = join(cache, `.doctor-${process.pid}`); // a read-only file system shows itself only here
      mkdirSync(dirname(probe), { recursive: true });
      writeFileSync(probe, '');
      rmSync(probe);
    }
  } catch (error) {
    return note('cache', `${cache}: ${(error as Error).message}`, remedy);
  }
  const free = freeBytes(existing);
  const found = `${cache}, ${gigabytes(free)} free`;
  return free < littleDisk
    ? note('cache', found, `fetching libtorch needs ${gigabytes(littleDisk)}`)
    : ok('cache', found);
}

function nearest(directory: string): string {
  return existsSync(directory) ? directory : nearest(dirname(directory));
}

export function compilersFinding(env: NodeJS.ProcessEnv): Finding {
  const missing = missingTools(env);
  if (missing === undefined) return ok('compilers', 'CMake and a C++ compiler are here, for `xpmir build`');
  return note('compilers', 'not all there', `only \`xpmir build\` needs them. ${missing}`);
}
