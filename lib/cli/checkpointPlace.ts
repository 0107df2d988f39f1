/** What a path on the command line means: a run, its checkpoints, or one of them. */
import { existsSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { expected } from '../errors.ts';
import { codeOf } from '../experiment/files.ts';
import { MANIFEST_FILE } from '../learning/manifest.ts';

/** Where the checkpoints of a run are. */
export interface Checkpoints {
  readonly directory: string;
  readonly run: string;
  /** The run was named, not its checkpoints alone. */
  readonly isRun: boolean;
}

const CHECKPOINTS = 'checkpoints';
/** Also of one that was kept under another name, or set aside. */
const CHECKPOINT = /(?:^|\.)epoch-\d+/;

/** @throws ArgumentError for anything else */
export function placeOf(given: string): Checkpoints | { readonly one: string } {
  const path = real(given);
  const inside = join(path, CHECKPOINTS);
  if (isDirectory(inside)) return { directory: real(inside), run: path, isRun: true };
  if (basename(path) === CHECKPOINTS) return { directory: path, run: dirname(path), isRun: false };
  if (CHECKPOINT.test(basename(path)) || existsSync(join(path, MANIFEST_FILE))) return { one: path };
  throw expected("a run's directory, the one with its checkpoints, or a checkpoint", 'dir', given);
}

/** @throws ArgumentError for anything else */
export function checkpointsOf(given: string): Checkpoints {
  const place = placeOf(given);
  if ('directory' in place) return place;
  throw expected("a run's directory, or the one with its checkpoints,", 'dir', given);
}

function real(given: string): string {
  try {
    const path = realpathSync(given);
    if (isDirectory(path)) return path;
  } catch (error) {
    if (codeOf(error) !== 'ENOENT' && codeOf(error) !== 'ENOTDIR') throw error;
  }
  throw expected('a directory', 'dir', given);
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
