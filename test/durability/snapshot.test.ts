/** What is saved while training goes on is the state as it was when it began to be saved. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterEach, beforeAll, describe, expect } from '@jest/globals';
import {
  Adam,
  type EventReader,
  LearnerListener,
  LearnerListenerStatus,
  ParameterOptimizer,
  type TrainerContext,
} from '../../lib/learning/index.ts';
import { readCheckpoint } from '../../lib/learning/readCheckpoint.ts';
import type { RunState } from '../../lib/learning/runState.ts';
import { packState } from '../../lib/learning/stateCodec.ts';
import { loadSafetensors } from '../../lib/torch/io/safetensors.ts';
import { manualSeed } from '../../lib/torch/random.ts';
import { tidy } from '../../lib/torch/scope.ts';
import type { Tensor } from '../../lib/torch/tensor.ts';
import { setNumThreads } from '../../lib/torch/threads.ts';
import { Net, NetTrainer } from '../learning/compiledNet.ts';
import { toyLearner } from '../learning/toy.ts';
import { full, repeatable, tell } from './effort.ts';
import { type Call, slowly } from './slowDisk.ts';

const STEPS = full ? 2000 : 200;
/** Milliseconds that each call of the disk takes. */
const SLOW = 20;

const test = repeatable(import.meta.url);
const directories: string[] = [];

beforeAll(() => setNumThreads(1));

afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
});

/** Sees the run from inside. */
class Seeing extends LearnerListener {
  context: TrainerContext | undefined;

  override initialize(context: TrainerContext): void {
    this.context = context;
  }

  override afterEpoch(): LearnerListenerStatus {
    return LearnerListenerStatus.NO_DECISION;
  }
}

/** A run of two epochs that is saved in their middle as often as the disk can. */
function running(compile: boolean) {
  const path = mkdtempSync(join(tmpdir(), 'xpmir-snapshot-'));
  directories.push(path);
  manualSeed(1);
  const seeing = new Seeing({ id: 'seeing' });
  const learner = toyLearner({
    model: new Net(),
    trainer: new NetTrainer(),
    optimizers: [new ParameterOptimizer({ optimizer: new Adam({ lr: 1e-2 }) })],
    listeners: [seeing],
    maxEpochs: 2,
    stepsPerEpoch: STEPS / 2,
    compile,
    tensorboard: false,
    checkpointSteps: 5,
    keepCheckpoints: 1000,
  });
  const hashes = () => {
    const { model, optimizer } = seeing.context as TrainerContext;
    return tidy(() => [hashOf(sorted(model.stateDict())), hashOf(optimizer.stateDict())]);
  };
  return {
    path,
    checkpoints: join(path, 'checkpoints'),
    hashes,
    run: (progress: EventReader) => learner.run({ path, progress }),
  };
}

/** Of the model and the optimizers after each step. */
const after = new Map<number, readonly string[]>();

beforeAll(async () => {
  const { run, hashes } = running(false);
  await run((event) => {
    if (event.type === 'step') after.set(event.state.steps, hashes());
  });
});

describe.each([false, true])('a run that is saved while it goes on, compiled %s', (compile) => {
  test(`compiled ${compile}: what is saved is of one moment, and steps are made meanwhile`, async () => {
    const { run, checkpoints } = running(compile);
    let steps = 0;
    const meanwhile: number[] = [];
    await slowly(
      () => SLOW,
      () =>
        run((event) => {
          if (event.type === 'step') steps = event.state.steps;
          if (event.type === 'checkpoint') meanwhile.push(steps - event.state.steps);
        }),
    );
    const saved = readdirSync(checkpoints).filter((name) => name !== 'last');
    for (const name of saved) {
      const at = join(checkpoints, name);
      const { manifest, state } = await readCheckpoint(at);
      const tensors = await loadSafetensors(join(at, 'model.safetensors'));
      const found = [hashOf(sorted(tensors)), hashOf((state as RunState).optimizer)];
      expect([name, ...found]).toEqual([name, ...(after.get(manifest.steps) ?? [])]);
    }
    tell(`${saved.length} checkpoints, while each was written ${meanwhile.join(', ')} steps`);
    expect(Math.max(...meanwhile)).toBeGreaterThan(3);
  });
});

test('the link moves once all is on the disk, one save follows the other, and the run waits for the last', async () => {
  const { run, checkpoints } = running(true);
  const calls: (Call & { readonly last: string })[] = [];
  await slowly(
    () => SLOW / 20,
    () => run(() => {}),
    (call) => calls.push({ ...call, last: linkOf(checkpoints) }),
  );
  const made = calls.length;
  await new Promise((resolve) => setTimeout(resolve, 10 * SLOW));
  expect(calls).toHaveLength(made);
  expect(linkOf(checkpoints)).toBe('epoch-00000002');

  const moves = calls.flatMap(({ last }, i) => (i > 0 && last !== calls[i - 1]?.last ? [i] : []));
  for (const [n, move] of moves.entries()) {
    const { last } = calls[move] as (typeof calls)[number];
    // From the call that moved the link before to the one that moved it to this.
    const since = calls.slice(moves[n - 1] ?? 0, move);
    const named = since.findIndex(
      ({ name, given }) => name === 'rename' && given[1] === join(checkpoints, last),
    );
    const [staged] = (since[named] as Call).given as [string];
    const of = (what: string) => since.flatMap(({ name }, i) => (name === what ? [i] : []));
    // Files, then the directory they are in; its name; the directory above; then the link.
    expect(of('write').every((i) => i < named)).toBe(true);
    expect(since.slice(0, named).some(({ name, given }) => name === 'sync' && given[0] === staged)).toBe(
      true,
    );
    const forced = since.findIndex(
      ({ name, given }, i) => i > named && name === 'sync' && given[0] === checkpoints,
    );
    const linked = since.findIndex(
      ({ name, given }) => name === 'rename' && given[1] === join(checkpoints, 'last'),
    );
    expect(forced).toBeGreaterThan(named);
    expect(linked).toBeGreaterThan(forced);
    // Only this one was being made.
    const beside = since.filter(
      ({ name, given }) => name === 'makeDirectory' && dirname(`${given[0]}`) === checkpoints,
    );
    expect(beside.map(({ given }) => basename(`${given[0]}`))).toEqual([basename(staged)]);
  }
  tell(`${moves.length} saves, ${made} calls of the disk`);
  expect(moves.length).toBeGreaterThan(2);
});

function linkOf(checkpoints: string): string {
  try {
    return readlinkSync(join(checkpoints, 'last'));
  } catch {
    return '';
  }
}

/** A file has them in another order. */
function sorted(tensors: ReadonlyMap<string, Tensor>): Readonly<Record<string, Tensor>> {
  return Object.fromEntries([...tensors].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function hashOf(state: unknown): string {
  const { json, tensors } = packState(state);
  const hash = createHash('sha256').update(JSON.stringify(json));
  for (const [name, tensor] of tensors) hash.update(name).update(JSON.stringify(tensor.tolist()));
  return hash.digest('hex');
}
