/** Whether machine code that AOTInductor compiled runs here: what it needs and the processor has not, ends the process. */
import { readFileSync } from 'node:fs';
import { ArgumentError } from '../../errors.ts';

/** What runs machine code, by the names of Python. */
export interface Machine {
  /** `linux`, `darwin`, `win32`. */
  readonly platform: string;
  /** Names of the architecture. */
  readonly machine: readonly string[];
  /** Features of the processor, as Linux names them; undefined where the system does not tell. */
  readonly features: ReadonlySet<string> | undefined;
}

const MACHINES: Readonly<Record<string, readonly string[]>> = {
  x64: ['x86_64', 'AMD64'],
  arm64: ['aarch64', 'arm64'],
};

/** What AOTInductor's name of an instruction set stands for, where it is not a feature of that name. */
const INSTRUCTION_SETS: Readonly<Record<string, readonly string[]>> = {
  INVALID_VEC_ISA: [],
  AVX2: ['avx2', 'fma', 'f16c'],
  AVX512: ['avx512f', 'avx512dq', 'avx512vl', 'avx512bw', 'fma'],
  AMX_TILE: ['amx_tile', 'amx_bf16', 'amx_int8'],
  NEON: ['asimd'],
  ASIMD: ['asimd'],
};

export function thisMachine(): Machine {
  return {
    platform: process.platform,
    machine: MACHINES[process.arch] ?? [process.arch],
    features: processorFeatures(),
  };
}

function processorFeatures(): ReadonlySet<string> | undefined {
  try {
    const found = /^(?:flags|Features)\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1];
    return found === undefined ? undefined : new Set(found.trim().split(/\s+/));
  } catch {
    return undefined;
  }
}

/** @throws ArgumentError with the code `ERR_FILE`, saying what it was compiled for and what is here */
export function checkMachine(
  metadata: Readonly<Record<string, string>>,
  { platform, machine, features }: Machine = thisMachine(),
): void {
  const wanted = (key: string): string => {
    const value = metadata[key];
    if (value === undefined) throw other(`it does not say ${key}, what it was compiled for`);
    return value;
  };
  if (wanted('AOTI_PLATFORM') !== platform)
    throw other(`it was compiled for ${wanted('AOTI_PLATFORM')}, this is ${platform}`);
  if (!machine.includes(wanted('AOTI_MACHINE')))
    throw other(`it was compiled for ${wanted('AOTI_MACHINE')}, this is ${machine[0]}`);
  const sets = wanted('AOTI_CPU_ISA')
    .split(' ')
    .filter((name) => name !== '');
  const missing = sets
    .flatMap((name) => INSTRUCTION_SETS[name] ?? [name.toLowerCase()])
    .filter((feature) => features?.has(feature) === false);
  if (missing.length > 0)
    throw other(`it was compiled for ${sets.join(' ')}, this processor has no ${missing.join(', ')}`);
}

function other(reason: string): ArgumentError {
  return new ArgumentError(`Expected a .pt2 package compiled for this machine: ${reason}`, 'ERR_FILE');
}
