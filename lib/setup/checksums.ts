/** SHA-256 of what is fetched: always said, and compared where we know what it must be. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { basename } from 'node:path';

interface KnownFile {
  readonly bytes: number;
  readonly sha256: string;
}

const knownFiles: Readonly<Record<string, KnownFile>> = {
  'torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl': {
    bytes: 191_794_682,
    sha256: '6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b',
  },
};

/** About what a wheel weighs, to tell how far a download is; undefined on platforms where we never saw one. */
export function wheelBytes(): number | undefined {
  return process.platform === 'linux' && process.arch === 'x64'
    ? Object.values(knownFiles)[0]?.bytes
    : undefined;
}

/** @throws Error when the content is not what the name promises, or not what `expected` says. */
export async function verifyFile(path: string, expected?: string): Promise<void> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  const actual = hash.digest('hex');
  const wanted = expected ?? knownFiles[decodeURIComponent(basename(path))]?.sha256;
  if (wanted !== undefined && wanted !== actual) {
    throw new Error(`Expected ${basename(path)} with SHA-256 ${wanted} but received ${actual}`);
  }
  console.error(
    `SHA-256 ${actual} (${wanted === undefined ? 'no known one to compare with' : 'as expected'})`,
  );
}
