/**
 * What is saved of a run, when, and how it is found again.
 */
import { mkdir } from 'node:fs/promises';
import { types } from 'node:util';
import { ArgumentError, expected } from '../errors.ts';
import { codeOf } from '../experiment/files.ts';
import type { Module } from '../torch/nn/module.ts';
import { visitTensors } from '../torch/scope.ts';
import { CheckpointStore, type Kept, type Position } from './checkpoint.ts';
import { CheckpointWriter, type SaveErrors } from './checkpointWriter.ts';
import { CheckpointSaveError, DamagedError } from './damaged.ts';
import { type EventReader, messageOf } from './events.ts';
import { writeFileAtomically } from './files.ts';
import type { Origin, RunSettings } from './manifest.ts';
import { originChanges, originOf } from './origin.ts';
import { readCheckpoint } from './readCheckpoint.ts';
import {
  type Earlier,
  type EarlierRandom,
  type Moment,
  noteMoment,
  noteRandom,
  type Progress,
  type RunParts,
  type RunState,
  restore,
  wholeState,
} from './runState.ts';
import { Snapshot, SnapshotMemory } from './snapshot.ts';
import { packState } from './stateCodec.ts';

export interface RunCheckpointsOptions {
  readonly model: Module;
  /** Undefined for a run that saves nothing. */
  readonly directory: string | undefined;
  readonly kept: Kept;
  /** What to do when one cannot be saved. */
  readonly saveErrors: SaveErrors;
  readonly device: string;
  /** How the learner trains, beside what its parts say. */
  readonly settings: RunSettings;
  readonly emit: EventReader;
}

interface SavedPosition extends Position {
  /** Records learnt from. */
  readonly samples: number;
}

export class RunCheckpoints {
  readonly #options: RunCheckpointsOptions;
  readonly #store: CheckpointStore | undefined;
  readonly #writer: CheckpointWriter<SavedPosition> | undefined;
  readonly #memory = new SnapshotMemory();
  #parts: RunParts | undefined;
  /** How the run was after the last epoch, before its listeners were asked, or in the middle of one. */
  #moment: Moment | undefined;
  /** What the newest checkpoint has, and where that is. */
  #saved: SavedPosition | undefined;
  #path: string | undefined;

  constructor(options: RunCheckpointsOptions) {
    const { directory, kept, saveErrors: errors, emit } = options;
    this.#options = options;
    if (directory === undefined) return;
    this.#store = new CheckpointStore(directory, kept, { warn: (message) => this.#warn(message) });
    this.#writer = new CheckpointWriter({
      store: this.#store,
      errors,
      saved: ({ epoch, steps, samples }, path) => {
        this.#path = path;
        emit({ type: 'checkpoint', state: { epoch, steps }, samples, path });
      },
      failed: (position, error) => {
        if (this.#saved === position) this.#saved = undefined;
        this.#warn(messageOf(error));
      },
    });
  }

  /** Makes the directory, and removes what a process that died has not finished. */
  async begin(): Promise<void> {
    const { directory } = this.#options;
    if (directory === undefined) return;
    await mkdir(directory, { recursive: true });
    await this.#store?.begin();
  }

  /**
   * Brings the parts to the state of the newest checkpoint that is whole. From here on they are what is saved.
   *
   * @returns that state; undefined where there is none
   */
  async resume(parts: RunParts, maxEpochs: number): Promise<RunState | undefined> {
    this.#parts = parts;
    if (this.#store === undefined) return undefined;
    checkSavable(parts);
    const { usable, beyond } = await this.#store.list(maxEpochs);
    if (beyond.length > 0)
      this.#warn(
        `${beyond.length} checkpoints beyond maxEpochs ${maxEpochs} are not used and stay: ${beyond.join(', ')}`,
      );
    for (const path of usable) {
      const state = await this.#read(this.#store, path);
      if (state === undefined) continue;
      await this.#restore(parts, state, path);
      const { epoch, steps, samples, unfinished } = state;
      this.#saved = { epoch, steps, samples, unfinished: unfinished !== null };
      this.#path = path;
      await this.#pointToNewest(path);
      return state;
    }
    if (usable.length > 0)
      this.#warn(`no checkpoint in ${this.#options.directory} is whole: the run begins from the start`);
    return undefined;
  }

  /** A process that was killed, or a shorter run in its place, may have left the link where it was. */
  async #pointToNewest(path: string): Promise<void> {
    try {
      await this.#store?.pointTo(path);
    } catch (error) {
      this.#warn(`${this.#store?.last} does not show to ${path}: ${messageOf(error)}`);
    }
  }

  /** Notes how the run is: what is saved from then on is this, with the model and the optimizers as they are then. */
  note(progress: Progress, earlier: Earlier = {}): void {
    if (this.#store === undefined || this.#parts === undefined) return;
    this.dispose();
    this.#moment = noteMoment(this.#parts, progress, earlier);
  }

  /**
   * Where random numbers are, for a moment that is noted later; undefined where nothing is saved.
   *
   * @param withTorch whether those of libtorch are noted too
   */
  noteRandom(withTorch: boolean): EarlierRandom | undefined {
    return this.#store && this.#parts && noteRandom(this.#parts, withTorch);
  }

  /**
   * Begins to save what was noted, if it is not saved yet, once what is being saved is.
   *
   * @throws CheckpointSaveError where that could not be, and errors stop the run
   */
  async save(): Promise<void> {
    const [writer, parts, moment] = [this.#writer, this.#parts, this.#moment];
    if (writer === undefined || parts === undefined || moment === undefined) return;
    const { epoch, steps, samples, unfinished } = moment;
    const position = { epoch, steps, samples, unfinished: unfinished !== null };
    const take = () => {
      if (isSame(position, this.#saved)) return undefined;
      this.#saved = position;
      return Snapshot.take(this.#options.model, wholeState(parts, moment), this.#memory);
    };
    const note = { stepsInEpoch: unfinished?.steps ?? null, origin: this.#origin };
    await writer.save(position, take, note);
  }

  /** Whether anything is saved. */
  get isOn(): boolean {
    return this.#store !== undefined;
  }

  /** Whether a checkpoint is being written. */
  get isSaving(): boolean {
    return this.#writer?.isBusy === true;
  }

  /** Waits until what was to be saved is. @throws CheckpointSaveError where the newest one is not */
  async settle(): Promise<void> {
    await this.#writer?.settle();
  }

  /** See `TrainerContext.keepModel`. */
  async keep(path: string): Promise<boolean> {
    if (this.#store === undefined) throw expected('a directory', 'path of the run', undefined);
    await this.save();
    try {
      await this.settle();
      await this.#store.publish(this.#path as string, this.#saved as SavedPosition, path);
      return true;
    } catch (error) {
      if (!(error instanceof CheckpointSaveError) || this.#options.saveErrors === 'stop') throw error;
      this.#warn(`the best model is not kept at ${path}: ${error.message}`);
      return false;
    }
  }

  /**
   * Writes a small file of the run, in place of the one that is there.
   *
   * @throws CheckpointSaveError where that cannot be and errors stop the run; otherwise a warning is emitted
   */
  async writeFile(path: string, content: string): Promise<void> {
    try {
      await writeFileAtomically(path, content);
    } catch (error) {
      const [code, bytes] = [codeOf(error), Buffer.byteLength(content)];
      if (!types.isNativeError(error) || code === undefined) throw error;
      const message = `Could not write a file of ${bytes} bytes: ${path}: ${error.message}`;
      if (this.#options.saveErrors === 'stop')
        throw new CheckpointSaveError(message, { code, path, bytes, cause: error });
      this.#warn(message);
    }
  }

  /** Frees what it noted. */
  dispose(): void {
    visitTensors(this.#moment?.random, (tensor) => tensor.dispose());
    this.#moment = undefined;
  }

  get #origin(): Origin {
    return originOf(this.#options.device, this.#options.settings);
  }

  /** @returns undefined for a damaged one */
  async #read(store: CheckpointStore, path: string): Promise<RunState | undefined> {
    try {
      const { manifest, state } = await readCheckpoint(path);
      store.follow(manifest.id);
      const changes = originChanges(manifest.origin, this.#origin);
      if (changes !== '')
        this.#warn(`the checkpoint ${path} was made ${changes}: the same bits are not promised`);
      return state as RunState;
    } catch (error) {
      if (!(error instanceof DamagedError)) throw error;
      const where = await setAside(store, path, error);
      this.#warn(`the checkpoint ${path} is damaged: ${error.message}; ${where}`);
      return undefined;
    }
  }

  async #restore(parts: RunParts, state: RunState, path: string): Promise<void> {
    try {
      const unpaired = await restore(parts, state, path);
      if (unpaired.length > 0)
        this.#warn(`the checkpoint ${path} was made with other hooks or listeners: ${unpaired.join(', ')}`);
    } catch (error) {
      const reason = types.isNativeError(error) ? error.message : String(error);
      const located = new ArgumentError(
        `learner: expected a directory of its own, but ${path} is of another run: ${reason}; choose another path, or remove it`,
        'ERR_STATE_DICT',
      );
      located.cause = error;
      throw located;
    }
  }

  #warn(message: string): void {
    this.#options.emit({ type: 'warning', message });
  }
}

/** @throws ArgumentError for a state that cannot be written, before anything is trained for it */
function checkSavable(parts: RunParts): void {
  parts.trainer.checkState?.();
  const moment = noteMoment(parts, { epoch: 0, steps: 0, samples: 0, unfinished: null });
  try {
    packState(wholeState(parts, moment));
  } finally {
    visitTensors(moment.random, (tensor) => tensor.dispose());
  }
}

/** @returns what became of it */
async function setAside(store: CheckpointStore, path: string, { message }: DamagedError): Promise<string> {
  try {
    return `it is now ${await store.setAside(path, message)}`;
  } catch (error) {
    return `it stays, as it could not be renamed: ${messageOf(error)}`;
  }
}

function isSame(a: Position, b: Position | undefined): boolean {
  return a.epoch === b?.epoch && a.steps === b.steps && a.unfinished === b.unfinished;
}
