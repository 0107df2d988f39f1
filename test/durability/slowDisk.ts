/** The disk of this machine, slow and watched. */
import { type Disk, type DiskFile, disk } from '../../lib/learning/disk.ts';

/** A call of the disk: its name, and the paths or whatever it was given. */
export interface Call {
  readonly name: keyof Disk | keyof DiskFile;
  readonly given: readonly unknown[];
}

/**
 * Makes every call of the disk take longer while `fn` runs.
 *
 * @param milliseconds of each call, asked before it
 * @param told of each call before it is made
 */
export async function slowly<T>(
  milliseconds: () => number,
  fn: () => Promise<T>,
  told: (call: Call) => void = () => {},
): Promise<T> {
  const real = { ...disk };
  const slow = <F extends (...given: never[]) => Promise<unknown>>(name: Call['name'], call: F): F =>
    (async (...given: Parameters<F>) => {
      told({ name, given });
      await new Promise((resolve) => setTimeout(resolve, milliseconds()));
      return opened(await call(...given));
    }) as F;
  const opened = (result: unknown) => (isFile(result) ? slowFile(result) : result);
  const slowFile = (file: DiskFile): DiskFile => ({
    size: file.size,
    write: slow('write', (bytes: Uint8Array) => file.write(bytes)),
    read: slow('read', (into: Uint8Array, position: number) => file.read(into, position)),
    sync: slow('sync', () => file.sync()),
    close: slow('close', () => file.close()),
  });
  for (const [name, call] of Object.entries(real) as [keyof Disk, never][])
    Object.assign(disk, { [name]: slow(name, call) });
  try {
    return await fn();
  } finally {
    Object.assign(disk, real);
  }
}

function isFile(result: unknown): result is DiskFile {
  return typeof result === 'object' && result !== null && 'close' in result && 'write' in result;
}
