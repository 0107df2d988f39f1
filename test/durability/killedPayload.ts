/** What is saved by processes that are killed: other bytes after each step. */
import { createHash } from 'node:crypto';
import type { Note, SavedFiles } from '../../lib/learning/checkpoint.ts';
import { MODEL_FILE, STATE_FILE } from '../../lib/learning/manifest.ts';

export const NOTE: Note = {
  stepsInEpoch: 1,
  origin: { xpmir: '0.0.0', libtorch: '0.0.0', node: '20.0.0', device: 'cpu', threads: 1 },
};

/** Directories that a process writes to at the same time: each is cut somewhere else. */
export const STORES = 4;

const PIECES = 16;
const PIECE = 2 ** 14;

export function payloadOf(steps: number): SavedFiles {
  const pieces = Array.from({ length: PIECES }, (_, i) =>
    Buffer.alloc(PIECE, createHash('sha256').update(`${steps} ${i}`).digest()),
  );
  const state = Buffer.from(JSON.stringify({ steps }));
  const files = [
    { name: MODEL_FILE, bytes: PIECES * PIECE, pieces },
    { name: STATE_FILE, bytes: state.length, pieces: [state] },
  ];
  return { files, bytes: files.reduce((sum, { bytes }) => sum + bytes, 0) };
}

/** Of its model. */
export function hashOf({ files }: SavedFiles): string {
  const hash = createHash('sha256');
  for (const piece of files[0]?.pieces ?? []) hash.update(piece);
  return hash.digest('hex');
}
