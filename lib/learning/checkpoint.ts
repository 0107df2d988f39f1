/**
 * What a run leaves on the disk: its newest state, and the best models that listeners keep.
 *
 *     checkpoints/epoch-00000012/             the state after an epoch, and some before it to fall back to
 *     checkpoints/epoch-00000013-step-00001234/   in the middle of one, where the run was asked to stop
 *     checkpoints/last                        link to the newest of these
 *     <kept>.epoch-00000007/                  a model kept by a listener
 *     <kept>                                  link to it
 *
 * In each: `manifest.json` lists the other files, `model.safetensors` has the weights; `state.json` and
 * `state.safetensors` have the rest, where there is more.
 */
import { copyFile, link, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { codeOf } from '../experiment/files.ts';
import { loadSafetensors, saveSafetensors } from '../torch/io/safetensors.ts';
import type { Module } from '../torch/nn/module.ts';
import { tidy } from '../torch/scope.ts';
import type { Tensor } from '../torch/tensor.ts';
import { pointTo, removeUnfinished, writeDirectoryAtomically, writeFileAtomically } from './files.ts';
import { checkManifest, DamagedError, MANIFEST_FILE, writeManifest } from './manifest.ts';
import { type Json, type PackedState, unpackState } from './stateCodec.ts';

/** Weights of a model inside a checkpoint. */
export const MODEL_FILE = 'model.safetensors';
const STATE_FILE = 'state.json';
const TENSORS_FILE = 'state.safetensors';
const NAME = /^epoch-(\d+)(?:-step-(\d+))?$/;

/** When a state was saved. */
export interface Position {
  readonly epoch: number;
  readonly steps: number;
  /** The epoch has steps to come, or its listeners were not asked. */
  readonly unfinished?: boolean;
}

/** A checkpoint on the disk. */
interface Found {
  readonly name: string;
  readonly epoch: number;
  /** Infinite for a finished epoch, which is later than all in its middle. */
  readonly steps: number;
}

export class CheckpointStore {
  readonly #directory: string;
  readonly #keep: number;

  /**
   * @param directory `<run>/checkpoints`
   * @param keep how many checkpoints stay, at least 1
   */
  constructor(directory: string, keep: number) {
    this.#directory = directory;
    this.#keep = keep;
  }

  /** Where the newest checkpoint is, once there is one. */
  get last(): string {
    return join(this.#directory, 'last');
  }

  pathOf(position: Position): string {
    return join(this.#directory, nameOf(position));
  }

  /** Makes the directory, and removes what a process that died has not finished. */
  async begin(): Promise<void> {
    await mkdir(this.#directory, { recursive: true });
    await removeUnfinished(this.#directory);
  }

  /** Saves a state and removes the oldest of those before it: at any moment the newest one is there. */
  async save(position: Position, model: Module, state: PackedState): Promise<void> {
    const path = this.pathOf(position);
    await writeDirectoryAtomically(path, async (directory) => {
      await tidy(() => saveSafetensors(join(directory, MODEL_FILE), model.stateDict()));
      if (state.tensors.size > 0) await saveSafetensors(join(directory, TENSORS_FILE), state.tensors);
      await writeFileAtomically(join(directory, STATE_FILE), `${JSON.stringify(state.json)}\n`);
      await writeManifest(directory, position);
    });
    await pointTo(this.last, basename(path));
    for (const name of outdated(await this.#found(), position, this.#keep))
      await this.#remove(this.#directory, name);
  }

  /** The newest first: those up to `maxEpoch`, and those beyond it. */
  async list(maxEpoch: number): Promise<Record<'usable' | 'beyond', readonly string[]>> {
    const found = (await this.#found()).sort((a, b) => compare(b, a));
    const pathsOf = (some: readonly Found[]) => some.map(({ name }) => join(this.#directory, name));
    return {
      usable: pathsOf(found.filter(({ epoch }) => epoch <= maxEpoch)),
      beyond: pathsOf(found.filter(({ epoch }) => epoch > maxEpoch)),
    };
  }

  /** Puts a damaged checkpoint aside. @returns where it is now */
  async setAside(path: string): Promise<string> {
    for (let i = 1; ; i++) {
      const aside = `${path}.damaged${i === 1 ? '' : `-${i}`}`;
      try {
        await rename(path, aside);
        return aside;
      } catch (error) {
        // Another one is there, and is not written over.
        if (codeOf(error) !== 'ENOTEMPTY' && codeOf(error) !== 'EEXIST') throw error;
      }
    }
  }

  /** Keeps the model of a saved state under a path of its own, in place of what was kept there. */
  async publish(position: Position, path: string): Promise<void> {
    const name = `${basename(path)}.${nameOf(position)}`;
    await writeDirectoryAtomically(join(dirname(path), name), async (directory) => {
      await linkOrCopy(join(this.pathOf(position), MODEL_FILE), join(directory, MODEL_FILE));
      await writeManifest(directory, position);
    });
    await pointTo(path, name);
    const prefix = `${basename(path)}.`;
    for (const other of await readdir(dirname(path))) {
      const isOlder = other !== name && other.startsWith(prefix) && NAME.test(other.slice(prefix.length));
      if (isOlder) await this.#remove(dirname(path), other);
    }
  }

  async #found(): Promise<Found[]> {
    return (await readdir(this.#directory)).flatMap((name) => {
      const [, epoch, steps] = NAME.exec(name) ?? [];
      if (epoch === undefined) return [];
      return [{ name, epoch: Number(epoch), steps: steps === undefined ? Infinity : Number(steps) }];
    });
  }

  async #remove(directory: string, name: string): Promise<void> {
    await rm(join(directory, name), { recursive: true, force: true });
  }
}

/**
 * The state in a checkpoint, once all of its files are what was written.
 *
 * @throws DamagedError where they are not
 */
export async function readCheckpoint(path: string): Promise<unknown> {
  const { files } = await checkManifest(path);
  for (const name of [MODEL_FILE, STATE_FILE])
    if (!Object.hasOwn(files, name)) throw new DamagedError(`${MANIFEST_FILE} does not name ${name}`);
  const json = JSON.parse(await readFile(join(path, STATE_FILE), 'utf8')) as Json;
  const tensors: ReadonlyMap<string, Tensor> = Object.hasOwn(files, TENSORS_FILE)
    ? await loadSafetensors(join(path, TENSORS_FILE))
    : new Map();
  return unpackState({ json, tensors });
}

/**
 * What is no longer needed once `newest` is saved: of it and those before it, all but the last `keep`. The models of the
 * best have links of their own.
 */
function outdated(found: readonly Found[], newest: Position, keep: number): string[] {
  const own = { epoch: newest.epoch, steps: newest.unfinished ? newest.steps : Infinity };
  const upTo = found.filter((each) => compare(each, own) <= 0).sort((a, b) => compare(b, a));
  return upTo.slice(keep).map(({ name }) => name);
}

function compare(a: Omit<Found, 'name'>, b: Omit<Found, 'name'>): number {
  return a.epoch - b.epoch || (a.steps === b.steps ? 0 : a.steps - b.steps);
}

function nameOf({ epoch, steps, unfinished }: Position): string {
  const number = (value: number) => String(value).padStart(8, '0');
  return `epoch-${number(epoch)}${unfinished ? `-step-${number(steps)}` : ''}`;
}

/** A second name for the same content where the file system can, a copy where it cannot. */
async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch {
    await copyFile(from, to);
  }
}
