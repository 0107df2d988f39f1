/**
 * Everything that a run has to remember so that it goes on, in another process, as if it had not stopped.
 */
import { expected } from '../errors.ts';
import { deviceCount, getRngStateAll, setRngStateAll } from '../torch/cuda.ts';
import type { Module } from '../torch/nn/module.ts';
import { getRngState, setRngState } from '../torch/random.ts';
import { tidy, visitTensors } from '../torch/scope.ts';
import type { Tensor } from '../torch/tensor.ts';
import { type Hooks, namedHooks } from './hooks.ts';
import type { LearnerListener } from './listener.ts';
import type { MetricsState } from './metrics.ts';
import type { RandomState, RandomWords } from './random.ts';
import type { OptimizersState, ScheduledOptimizer } from './scheduledOptimizer.ts';
import { loadWeights } from './weights.ts';

/** What has a state of its own, JSON and tensors. */
export interface Stateful {
  stateDict?(): unknown;
  loadStateDict?(state: unknown): void;
}

export interface RunParts {
  readonly model: Module;
  readonly trainer: Required<Stateful>;
  readonly optimizer: ScheduledOptimizer;
  readonly hooks: Hooks;
  readonly listeners: readonly LearnerListener[];
  /** The run's own stream; libtorch's is everybody's. */
  readonly random: RandomState;
}

/** Of libtorch's default generators. */
export interface TorchRandomState {
  readonly cpu: Tensor;
  /** Of every CUDA device that this machine has, in their order. */
  readonly cuda: readonly Tensor[];
}

/** What was trained of an epoch in whose middle the run stopped. */
export interface UnfinishedEpoch {
  readonly steps: number;
  readonly metrics: MetricsState;
}

/** The state of a run, without the weights of the model. */
export interface RunState {
  readonly version: 1;
  readonly epoch: number;
  readonly steps: number;
  /** Null after an epoch. */
  readonly unfinished: UnfinishedEpoch | null;
  readonly random: { readonly run: RandomWords; readonly torch: TorchRandomState };
  readonly trainer: unknown;
  /** Of those that have one, by name. */
  readonly hooks: Readonly<Record<string, unknown>>;
  readonly listeners: Readonly<Record<string, unknown>>;
  readonly optimizer: OptimizersState;
}

/** What listeners may change: it is noted before they are asked, as they are asked again when the run goes on. */
export type Moment = Omit<RunState, 'optimizer'>;

export function noteMoment(
  parts: RunParts,
  { epoch, steps }: { readonly epoch: number; readonly steps: number },
  unfinished: UnfinishedEpoch | null,
): Moment {
  return {
    version: 1,
    epoch,
    steps,
    unfinished,
    random: randomOf(parts).stateDict(),
    trainer: parts.trainer.stateDict(),
    hooks: statesOf(parts.hooks.named()),
    listeners: statesOf(byId(parts)),
  };
}

/**
 * Brings a run to the state of a checkpoint: all of it, or, when something does not fit, nothing.
 *
 * @param path of the checkpoint, where the weights are
 * @returns what there was no state for, or a state for nothing: hooks that are in no identity may come and go
 * @throws ArgumentError when the state is that of another run
 */
export async function restore(parts: RunParts, state: RunState, path: string): Promise<readonly string[]> {
  if (state?.version !== 1) throw expected('a state of version 1', 'state.json', state?.version);
  const undo: (() => void)[] = [];
  const load = <T>(part: { stateDict(): T; loadStateDict(state: T): void }, its: T): void => {
    const before = part.stateDict();
    undo.unshift(() => part.loadStateDict(before));
    part.loadStateDict(its);
  };
  try {
    load(parts.trainer, state.trainer);
    const hooks = parts.hooks.named();
    const listeners = byId(parts);
    load(several(hooks), state.hooks);
    load(several(listeners), state.listeners);
    load(parts.optimizer, state.optimizer);
    load(randomOf(parts), state.random);
    await loadModel(parts.model, path);
    return [...unpaired(hooks, state.hooks), ...unpaired(listeners, state.listeners)];
  } catch (error) {
    for (const each of undo) each();
    throw error;
  } finally {
    // Optimizers took copies, and the rest may keep what it was given.
    visitTensors([state.optimizer, state.random], (tensor) => tensor.dispose());
  }
}

/** The weights come last, as they are either loaded or not. */
async function loadModel(model: Module, path: string): Promise<void> {
  const names = tidy(() => [...model.stateDict().keys()]);
  const keys = new Map(names.map((name) => [name, name]));
  await loadWeights({ model, path, keys, isWhole: true, owner: 'learner' });
}

type Named = readonly (readonly [name: string, part: Stateful])[];

/** Listeners by their ids, and the hooks of each below it. */
function byId({ listeners }: RunParts): Named {
  return listeners
    .flatMap((listener) => listener.members())
    .flatMap(
      (member): Named => [
        [member.id, member],
        ...namedHooks(member.ownHooks()).map(([name, hook]) => [`${member.id}/${name}`, hook] as const),
      ],
    );
}

function statesOf(parts: Named): Record<string, unknown> {
  const states = parts.map(([name, part]) => [name, part.stateDict?.()]);
  return Object.fromEntries(states.filter(([, state]) => state !== undefined && state !== null));
}

function several(parts: Named) {
  return {
    stateDict: () => statesOf(parts),
    loadStateDict(states: Readonly<Record<string, unknown>>): void {
      for (const [name, part] of parts) if (Object.hasOwn(states, name)) part.loadStateDict?.(states[name]);
    },
  };
}

function unpaired(parts: Named, states: Readonly<Record<string, unknown>>): string[] {
  const own = Object.keys(statesOf(parts));
  const saved = Object.keys(states);
  return [...own.filter((name) => !saved.includes(name)), ...saved.filter((name) => !own.includes(name))];
}

function randomOf({ random }: RunParts) {
  return {
    stateDict: (): RunState['random'] => ({
      run: random.words(),
      torch: { cpu: getRngState(), cuda: getRngStateAll() },
    }),
    loadStateDict({ run, torch }: RunState['random']): void {
      // On a machine with fewer devices the rest has nothing to draw for.
      setRngStateAll(torch.cuda.slice(0, deviceCount()));
      setRngState(torch.cpu);
      random.restore(run);
    },
  };
}
