/** The builds of libtorch that its vendor offers, and which of them a machine's NVIDIA driver can run. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expected } from '../errors.ts';
import { isOlder } from '../platform.ts';

/** `cpu`, or the version of CUDA: `cu130` is CUDA 13.0. */
export type Variant = 'cpu' | 'cu126' | 'cu130' | 'cu132';

/** The CUDA builds of libtorch 2.13 (pytorch RELEASE.md), the preferred one first, and the oldest driver of each (CUDA release notes, minor version compatibility). */
const cudaVariants: readonly { readonly variant: Variant; readonly driver: string }[] = [
  { variant: 'cu130', driver: '580.65' },
  { variant: 'cu132', driver: '580.65' },
  { variant: 'cu126', driver: '525.60' },
];

/** @throws ArgumentError for what is none */
export function checkVariant(value: string): Variant {
  const names: readonly string[] = cudaVariants.map(({ variant }) => variant);
  if (!names.includes(value)) throw expected(`one of ${names.join(', ')}`, 'cuda', value);
  return value as Variant;
}

/** The version of the NVIDIA driver, such as `580.82.07`; undefined where there is none. */
export function driverVersion(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const options = { env, encoding: 'utf8', timeout: 10_000 } as const;
  const said = spawnSync('nvidia-smi', ['--query-gpu=driver_version', '--format=csv,noheader'], options);
  const text = said.status === 0 ? said.stdout : kernelModule();
  return /\b(\d{3}\.\d+(?:\.\d+)?)\b/.exec(text)?.[1];
}

function kernelModule(): string {
  try {
    return readFileSync('/proc/driver/nvidia/version', 'utf8');
  } catch {
    return '';
  }
}

/** The CUDA build for a driver. @throws ArgumentError where it is too old for every one */
export function variantFor(driver: string): Variant {
  const found = cudaVariants.find((each) => !isOlder(driver, each.driver));
  if (found !== undefined) return found.variant;
  const { variant, driver: needed } = cudaVariants.at(-1) as (typeof cudaVariants)[number];
  throw expected(`an NVIDIA driver ${needed} or later, which ${variant} needs,`, 'the driver', driver);
}

/** The name of the vendor's archive, as it stands in its address. @throws Error where there is none for this machine */
export function archiveName(version: string, variant: Variant): string {
  if (process.platform === 'linux' && process.arch === 'x64')
    return `libtorch-shared-with-deps-${version}%2B${variant}.zip`;
  if (process.platform === 'darwin' && process.arch === 'arm64' && variant === 'cpu')
    return `libtorch-macos-arm64-${version}.zip`;
  throw new Error(
    `there is no libtorch archive for ${process.platform} ${process.arch}${variant === 'cpu' ? '' : ` and ${variant}`}`,
  );
}
