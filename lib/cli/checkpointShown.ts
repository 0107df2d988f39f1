/** All about one checkpoint: nothing of it is loaded, tensors are known by what the headers of their files say. */
import { join } from 'node:path';
import { ArgumentError } from '../errors.ts';
import { foundIn } from '../learning/checkpoint.ts';
import { DamagedError } from '../learning/damaged.ts';
import { disk } from '../learning/disk.ts';
import {
  checkFile,
  type FileEntry,
  type Manifest,
  MODEL_FILE,
  opened,
  readAll,
  readManifest,
  STATE_FILE,
  TENSORS_FILE,
} from '../learning/manifest.ts';
import type { RunState } from '../learning/runState.ts';
import { type Json, unpackState } from '../learning/stateCodec.ts';
import { readSafetensorsHeader } from '../torch/io/safetensors.ts';
import { placeOf } from './checkpointPlace.ts';

export interface ShownTensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Elements. */
  readonly count: number;
}

export interface ShownOptimizer {
  readonly algorithm: string;
  /** Of each group. */
  readonly rates: readonly unknown[];
  /** Steps that its schedule made; null without one. */
  readonly scheduled: unknown;
}

export interface ShownState {
  readonly optimizers: readonly ShownOptimizer[];
  /** State of the loss scaler; null without one. */
  readonly scaler: unknown;
  /** Which random generators are noted, such as `torch.cpu`. */
  readonly random: readonly string[];
  readonly trainer: unknown;
  /** By name, those that have a state. */
  readonly hooks: Readonly<Record<string, unknown>>;
  readonly listeners: Readonly<Record<string, unknown>>;
}

export interface Shown extends Omit<Manifest, 'files'> {
  readonly path: string;
  readonly files: readonly (FileEntry & { readonly name: string })[];
  /** Undefined for a model that was kept alone. */
  readonly state: ShownState | undefined;
  readonly model: { readonly count: number; readonly tensors: readonly ShownTensor[] };
}

/** Of a checkpoint, of a run's newest one. @throws ArgumentError for one that is damaged */
export async function described(given: string): Promise<Shown> {
  const path = await oneOf(given);
  try {
    const { files, ...manifest } = await readManifest(disk, path);
    const listed = Object.entries(files).map(([name, entry]) => ({ name, ...entry }));
    const hasState = Object.hasOwn(files, STATE_FILE);
    const state = hasState ? shownState(await stateOf(path, { files, ...manifest })) : undefined;
    const tensors = await tensorsIn(join(path, MODEL_FILE));
    const model = { count: tensors.reduce((sum, { count }) => sum + count, 0), tensors };
    return { path, ...manifest, files: listed, state, model };
  } catch (error) {
    if (!(error instanceof DamagedError)) throw error;
    throw new ArgumentError(`${path} is damaged: ${error.message}`, 'ERR_FILE');
  }
}

async function oneOf(given: string): Promise<string> {
  const place = placeOf(given);
  if ('one' in place) return place.one;
  const [newest] = await foundIn(disk, place.directory);
  if (newest === undefined) throw new ArgumentError(`${place.directory} has no checkpoint`);
  return join(place.directory, newest.name);
}

/** The state, with a word for each tensor. */
async function stateOf(path: string, manifest: Manifest): Promise<RunState> {
  await checkFile(disk, path, STATE_FILE, manifest);
  const text = await opened(disk, path, STATE_FILE, readAll);
  const json = JSON.parse(Buffer.from(text).toString('utf8')) as Json;
  const isThere = Object.hasOwn(manifest.files, TENSORS_FILE);
  const tensors = isThere ? await tensorsIn(join(path, TENSORS_FILE)) : [];
  const words = tensors.map((tensor) => [tensor.name, wordFor(tensor)] as const);
  return unpackState({ json, tensors: new Map(words) }) as RunState;
}

function shownState({ optimizer, random, trainer, hooks, listeners }: RunState): ShownState {
  const optimizers = optimizer.algorithms.map((algorithm, i): ShownOptimizer => {
    const groups = optimizer.optimizers[i]?.param_groups ?? [];
    const schedule = optimizer.schedulers[i] as { readonly last_epoch?: unknown } | null;
    return {
      algorithm,
      rates: groups.map(({ lr }) => lr),
      scheduled: schedule === null ? null : (schedule.last_epoch ?? optimizer.schedulerSteps),
    };
  });
  return { optimizers, scaler: optimizer.scaler, random: leaves(random), trainer, hooks, listeners };
}

/** Places in a tree, such as `torch.cpu` and `torch.cuda.0`; a list of numbers is one. */
function leaves(value: unknown, at = ''): string[] {
  if (typeof value !== 'object' || value === null) return [at];
  if (Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === 'number'))
    return [at];
  return Object.entries(value).flatMap(([key, item]) => leaves(item, at === '' ? key : `${at}.${key}`));
}

async function tensorsIn(file: string): Promise<ShownTensor[]> {
  const { tensors } = await readSafetensorsHeader(file);
  return tensors.map(({ name, dtype, shape }) => {
    const count = shape.reduce((product, size) => product * size, 1);
    return { name, dtype, shape, count };
  });
}

function wordFor({ dtype, shape }: ShownTensor): string {
  return `${dtype} [${shape.join(', ')}]`;
}

/** JSON, in which numbers that JSON has not are strings. */
export function plainJson(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) =>
    typeof item === 'bigint' || (typeof item === 'number' && !Number.isFinite(item)) ? `${item}` : item,
  );
}

export function linesOf(shown: Shown): string[] {
  const { path, id, previous, savedAt, epoch, steps, stepsInEpoch, origin, files, state, model } = shown;
  const { xpmir, libtorch, node, device, threads } = origin;
  return [
    ...table([
      ['checkpoint', path],
      ['id', id],
      ['previous', previous ?? 'none'],
      ['saved at', savedAt],
      ['epoch', stepsInEpoch === null ? `${epoch}` : `${epoch}, after ${stepsInEpoch} of its steps`],
      ['steps', `${steps}`],
      ['made by', `xpmir ${xpmir}, libtorch ${libtorch}, Node ${node}`],
      ['on', `${device}, ${threads} ${threads === 1 ? 'thread' : 'threads'}`],
    ]),
    '',
    ...table(files.map(({ name, size, sha256 }) => [name, `${size} bytes`, sha256])),
    ...(state === undefined ? [] : ['', ...table(rowsOf(state))]),
    '',
    `model: ${model.tensors.length} tensors, ${model.count} parameters with its buffers`,
    ...table(model.tensors.map((tensor) => [`  ${tensor.name}`, wordFor(tensor), `${tensor.count}`])),
  ];
}

function rowsOf({ optimizers, scaler, random, trainer, hooks, listeners }: ShownState): string[][] {
  const schedule = (scheduled: unknown) =>
    scheduled === null ? 'no schedule' : `schedule at step ${scheduled}`;
  return [
    ...optimizers.map(({ algorithm, rates, scheduled }, i) => [
      `optimizer ${i + 1}`,
      `${algorithm}, learning rate ${rates.join(' and ')}, ${schedule(scheduled)}`,
    ]),
    ...(scaler === null ? [] : [['scaler', abridged(scaler)]]),
    ['random', random.join(', ')],
    ['trainer', abridged(trainer)],
    ...Object.entries(hooks).map(([name, each]) => [`hook ${name}`, abridged(each)]),
    ...Object.entries(listeners).map(([name, each]) => [`listener ${name}`, abridged(each)]),
  ];
}

const LONGEST = 200;

function abridged(value: unknown): string {
  const text = plainJson(value);
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}...` : text;
}

/** Rows with their columns below each other. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  return rows.map((row) =>
    row.map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i] ?? 0))).join('  '),
  );
}
