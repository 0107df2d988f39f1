/**
 * Saved weights and the names in a model that they are for: what differs is told in full before anything is loaded.
 */
import { existsSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { ArgumentError } from '../errors.ts';
import { loadSafetensors, readSafetensorsHeader } from '../torch/io/safetensors.ts';
import type { Module } from '../torch/nn/module.ts';
import { tidy } from '../torch/scope.ts';
import { DamagedError } from './damaged.ts';
import { disk } from './disk.ts';
import { checkFile, MANIFEST_FILE, MODEL_FILE, readManifest } from './manifest.ts';
import { abridged } from './parameterOptimizer.ts';

/** What came of loading. */
export interface LoadReport {
  /** Names in the model of what was loaded, each with its key in the file. */
  readonly loaded: ReadonlyMap<string, string>;
  /** Names in the model of what stayed as it was. */
  readonly kept: readonly string[];
  /** Keys in the file of what the model did not take. */
  readonly unused: readonly string[];
}

export interface LoadRequest {
  readonly model: Module;
  /** A safetensors file, or a checkpoint, which is a directory with one in it. */
  readonly path: string;
  /** Names in the model of what to load, each with its key in the file. */
  readonly keys: ReadonlyMap<string, string>;
  /** Whether the file must hold nothing else. */
  readonly isWhole: boolean;
  /** Whether the checkpoint that it is in was compared with its manifest. Default false: it is. */
  readonly isVerified?: boolean;
  /** Who asks, for messages. */
  readonly owner: string;
}

/** Files without versions may lack this count, and batch norm layers do without it. */
const DISPENSABLE = /(^|\.)num_batches_tracked$/;

/**
 * Loads some weights of a file into a model.
 *
 * @throws ArgumentError when there is no such file, and, before the model changes, when the file is of another model:
 * with the names that are missing, unknown, or of another shape
 */
export async function loadWeights({
  model,
  path,
  keys,
  isWhole,
  isVerified,
  owner,
}: LoadRequest): Promise<LoadReport> {
  const file = weightsFile(path, owner);
  if (!isVerified) await verify(file, owner);
  const saved = new Map((await readSafetensorsHeader(file)).tensors.map(({ name, shape }) => [name, shape]));
  const current = tidy(() => new Map([...model.stateDict()].map(([name, { shape }]) => [name, shape])));

  const taken = new Set(keys.values());
  const unused = [...saved.keys()].filter((key) => !taken.has(key));
  const loaded = new Map([...keys].filter(([, key]) => saved.has(key)));
  const problems = [
    told(
      'missing',
      [...keys].filter(([name, key]) => !saved.has(key) && !DISPENSABLE.test(name)).map(([, key]) => key),
    ),
    told('unknown', isWhole ? unused : []),
    told(
      'of another shape',
      [...loaded].flatMap(([name, key]) => differentShape(name, current.get(name), key, saved.get(key))),
    ),
  ].filter((problem) => problem !== '');
  if (problems.length > 0) {
    throw new ArgumentError(
      `${owner}.path: expected weights of ${model.constructor.name}, but ${file} is of another model: ${problems.join('; ')}`,
      'ERR_STATE_DICT',
    );
  }

  await tidy(async () => {
    const tensors = await loadSafetensors(file);
    model.loadStateDict(new Map([...loaded].map(([name, key]) => [name, tensors.get(key)!])), {
      strict: false,
    });
  });
  return { loaded, kept: [...current.keys()].filter((name) => !loaded.has(name)), unused };
}

function weightsFile(path: string, owner: string): string {
  const entry = statSync(path, { throwIfNoEntry: false });
  const file = entry?.isDirectory() ? join(path, MODEL_FILE) : path;
  if (statSync(file, { throwIfNoEntry: false }) !== undefined) return file;
  throw new ArgumentError(`${owner}.path: expected a saved model, received ${file}, which does not exist`);
}

/** @throws ArgumentError for a file of a checkpoint that is not what was written */
async function verify(file: string, owner: string): Promise<void> {
  const directory = dirname(file);
  if (basename(file) !== MODEL_FILE || !existsSync(join(directory, MANIFEST_FILE))) return;
  try {
    await checkFile(disk, directory, MODEL_FILE, await readManifest(disk, directory));
  } catch (error) {
    if (!(error instanceof DamagedError)) throw error;
    const located = new ArgumentError(
      `${owner}.path: expected a checkpoint that is whole, but ${directory} is damaged: ${error.message}`,
      'ERR_FILE',
    );
    located.cause = error;
    throw located;
  }
}

function told(what: string, names: readonly string[]): string {
  return names.length === 0 ? '' : `${names.length} ${what}: ${abridged(names)}`;
}

/** Before 0.4 PyTorch saved scalars with shape [1]. */
function differentShape(
  name: string,
  inModel: readonly number[] = [],
  key: string,
  inFile: readonly number[] = [],
): string[] {
  if (`${inModel}` === `${inFile}` && inModel.length === inFile.length) return [];
  if (inModel.length === 0 && `${inFile}` === '1') return [];
  const place = key === name ? name : `${name} from ${key}`;
  return [`${place} [${inFile.join(', ')}] instead of [${inModel.join(', ')}]`];
}
