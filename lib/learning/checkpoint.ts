/**
 * What a run leaves on the disk: its newest state, and the best models that listeners keep.
 *
 *     checkpoints/epoch-00000012/   model.safetensors, state.json
 *     checkpoints/last              link to the newest of these
 *     <kept>.epoch-00000007/        the same two files, kept by a listener
 *     <kept>                        link to it
 */
import { copyFile, link, mkdir, readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { ArgumentError } from '../errors.ts';
import { saveSafetensors } from '../torch/io/safetensors.ts';
import type { Module } from '../torch/nn/module.ts';
import { tidy } from '../torch/scope.ts';
import { pointTo, writeDirectoryAtomically, writeFileAtomically } from './files.ts';
import type { TrainState } from './state.ts';

/** Weights of a model inside a checkpoint. */
export const MODEL_FILE = 'model.safetensors';
const STATE_FILE = 'state.json';
const EPOCH = /^epoch-\d{8}$/;

export class CheckpointStore {
  readonly #directory: string;
  #saved: number | undefined;

  /** @param directory `<run>/checkpoints` */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Where the newest checkpoint is, once there is one. */
  get last(): string {
    return join(this.#directory, 'last');
  }

  /** @throws ArgumentError when another run left checkpoints here */
  async begin(): Promise<void> {
    await mkdir(this.#directory, { recursive: true });
    const found = (await readdir(this.#directory)).filter((name) => EPOCH.test(name)).sort();
    if (found.length === 0) return;
    throw new ArgumentError(
      `learner.path: expected a directory without checkpoints, received ${dirname(this.#directory)} with ${found.at(-1)}; ` +
        'choose another directory, or remove it',
    );
  }

  /**
   * Saves the state after an epoch and removes the one before.
   *
   * @returns where; undefined when this epoch is saved already
   */
  async save(state: TrainState, model: Module, trainer: unknown): Promise<string | undefined> {
    if (this.#saved === state.epoch) return undefined;
    const path = this.#pathOf(state);
    await writeDirectoryAtomically(path, async (directory) => {
      await tidy(() => saveSafetensors(join(directory, MODEL_FILE), model.stateDict()));
      const content = { version: 1, epoch: state.epoch, steps: state.steps, trainer };
      await writeFileAtomically(join(directory, STATE_FILE), `${JSON.stringify(content)}\n`);
    });
    this.#saved = state.epoch;
    await pointTo(this.last, basename(path));
    await this.#removeOthers(this.#directory, EPOCH, basename(path));
    return path;
  }

  /** Keeps the saved state of an epoch under a path of its own, in place of what was kept there. */
  async publish(state: TrainState, path: string): Promise<void> {
    const name = `${basename(path)}.${basename(this.#pathOf(state))}`;
    await writeDirectoryAtomically(join(dirname(path), name), async (directory) => {
      for (const file of [MODEL_FILE, STATE_FILE]) {
        await linkOrCopy(join(this.#pathOf(state), file), join(directory, file));
      }
    });
    await pointTo(path, name);
    const prefix = `${basename(path)}.`;
    const versions = {
      test: (other: string) => other.startsWith(prefix) && EPOCH.test(other.slice(prefix.length)),
    };
    await this.#removeOthers(dirname(path), versions, name);
  }

  async #removeOthers(directory: string, kind: { test(name: string): boolean }, keep: string): Promise<void> {
    for (const name of await readdir(directory)) {
      if (name !== keep && kind.test(name)) await rm(join(directory, name), { recursive: true, force: true });
    }
  }

  #pathOf(state: TrainState): string {
    return join(this.#directory, `epoch-${String(state.epoch).padStart(8, '0')}`);
  }
}

/** A second name for the same content where the file system can, a copy where it cannot. */
async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch {
    await copyFile(from, to);
  }
}
