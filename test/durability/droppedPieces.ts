/** The pieces that a saved state consists of, and states without one of them. */
import { cpSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { disk } from '../../lib/learning/disk.ts';
import {
  type FileEntry,
  MANIFEST_FILE,
  type Manifest,
  MODEL_FILE,
  STATE_FILE,
  TENSORS_FILE,
  writeFile,
  writeManifest,
} from '../../lib/learning/manifest.ts';
import { packState } from '../../lib/learning/stateCodec.ts';
import { isPlainObject } from '../../lib/plainObject.ts';
import { safetensorsOf } from '../../lib/torch/io/safetensors.ts';

type Fields = Readonly<Record<string, unknown>>;

/**
 * Where the pieces of a state are, such as `optimizer.optimizers.*.state.*.exp_avg`: the items of a list, and what is kept
 * for each parameter, are one piece together.
 */
export function piecesOf(state: unknown): string[] {
  const found = new Set<string>();
  const visit = (value: unknown, at: string) => {
    for (const [key, item] of fieldsOf(value)) {
      const name = segmentOf(value, key);
      const path = at === '' ? name : `${at}.${name}`;
      if (name !== '*') found.add(path);
      visit(item, path);
    }
  };
  visit(state, '');
  return [...found];
}

/** Makes of a piece, and of what another state has in its place, what is to be there. */
export type Change = (piece: unknown, other: unknown) => unknown;

/** The piece is missing. */
export const nothing: Change = () => undefined;
/** It is that of the other state, where there is one. */
export const older: Change = (piece, other) => (other === undefined ? piece : other);
/** It is as it begins, where there is no other. */
export const empty: Change = (piece, other) => {
  if (other !== undefined) return piece;
  if (typeof piece === 'number') return 0;
  return Array.isArray(piece) ? [] : piece;
};

/** A state with a piece changed; undefined where that makes no difference. */
export function changed(state: unknown, piece: string, change: Change, other: unknown): unknown {
  let isChanged = false;
  const visit = (value: unknown, old: unknown, at: string): unknown => {
    const entries = fieldsOf(value).flatMap(([key, item]): [string, unknown][] => {
      const name = segmentOf(value, key);
      const path = at === '' ? name : `${at}.${name}`;
      const before = (old as Fields | null | undefined)?.[key];
      if (path !== piece) return [[key, piece.startsWith(path) ? visit(item, before, path) : item]];
      const made = change(item, before);
      isChanged ||= made === undefined || textOf(made) !== textOf(item);
      return made === undefined ? [] : [[key, made]];
    });
    if (entries.length === 0 && fieldsOf(value).length === 0) return value;
    return Array.isArray(value) ? entries.map(([, item]) => item) : Object.fromEntries(entries);
  };
  const made = visit(state, other, '');
  return isChanged ? made : undefined;
}

/** Puts a state, or the weights of another checkpoint, into a checkpoint, which is whole then. */
export async function reseal(path: string, state: unknown, weights = path): Promise<void> {
  const {
    files,
    version: _,
    ...described
  } = JSON.parse(readFileSync(join(path, MANIFEST_FILE), 'utf8')) as Manifest & { readonly sha256?: string };
  const { sha256: __, ...rest } = described;
  if (weights !== path) cpSync(join(weights, MODEL_FILE), join(path, MODEL_FILE));
  const other = JSON.parse(readFileSync(join(weights, MANIFEST_FILE), 'utf8')) as Manifest;
  for (const name of [MANIFEST_FILE, STATE_FILE, TENSORS_FILE]) rmSync(join(path, name), { force: true });
  const { json, tensors } = packState(state);
  const entries: Record<string, FileEntry> = { [MODEL_FILE]: other.files[MODEL_FILE] as FileEntry };
  entries[STATE_FILE] = await writeFile(disk, join(path, STATE_FILE), [Buffer.from(JSON.stringify(json))]);
  if (tensors.size > 0)
    entries[TENSORS_FILE] = await writeFile(disk, join(path, TENSORS_FILE), safetensorsOf(tensors).pieces);
  await writeManifest(disk, path, rest, entries);
}

function fieldsOf(value: unknown): [string, unknown][] {
  return Array.isArray(value) || isPlainObject(value) ? Object.entries(value as Fields) : [];
}

function segmentOf(parent: unknown, key: string): string {
  return Array.isArray(parent) || /^\d+$/.test(key) ? '*' : key;
}

function textOf(value: unknown): string {
  const { json, tensors } = packState(value);
  return JSON.stringify([json, [...tensors].map(([name, tensor]) => [name, tensor.tolist()])]);
}
