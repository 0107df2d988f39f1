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
import { natural } from './iterators.ts';
import type { LearnerListener } from './listener.ts';
import type { MetricsState } from './metrics.ts';
import type { Random, RandomState, RandomWords } from './random.ts';
import type { OptimizersState, ScheduledOptimizer } from './scheduledOptimizer.ts';
import { loadWeights } from './weights.ts';

/** What has a state of its own, JSON and tensors. */
export interface Stateful {
  stateDict?(): unknown;
  loadStateDict?(state: unknown): void;
}

export interface RunParts {
  readonly model: Module;
  readonly trainer: Required<Stateful> & { checkState?(): void };
  readonly optimizer: ScheduledOptimizer;
  readonly hooks: Hooks;
  readonly listeners: readonly LearnerListener[];
  /** The run's own stream; libtorch's is everybody's. */
  readonly random: RandomState;
  /** The stream of all who hold the learner's Random. */
  readonly shared: Random;
}

/** Of libtorch's default generators. */
export interface TorchRandomState {
  readonly cpu: Tensor;
  /** Of every CUDA device that this machine has, in their order. */
  readonly cuda: readonly Tensor[];
}

export interface RunRandomState {
  readonly run: RandomWords;
  readonly shared: RandomWords | null;
  readonly torch: TorchRandomState;
}

/** What was trained of an epoch in whose middle the run is. */
export interface UnfinishedEpoch {
  readonly steps: number;
  readonly metrics: MetricsState;
}

interface StatePart<S> {
  stateDict(): S;
  loadStateDict(state: S): void;
}

/** Brings what a run remembers into a checkpoint, and back, in this order: here, and nowhere else, a part is declared. */
const PARTS = {
  trainer: ({ trainer }: RunParts): StatePart<unknown> => trainer,
  hooks: ({ hooks }: RunParts): StatePart<States> => several(hooks.named()),
  listeners: (parts: RunParts): StatePart<States> => several(byId(parts)),
  random: (parts: RunParts): StatePart<RunRandomState> => randomOf(parts),
  optimizer: ({ optimizer }: RunParts): StatePart<OptimizersState> => optimizer,
};

type PartName = keyof typeof PARTS;
type StateOf<N extends PartName> = ReturnType<ReturnType<(typeof PARTS)[N]>['stateDict']>;

/** The parts of the state of a run, beside the weights and how far it is. */
export const STATE_PARTS = Object.keys(PARTS) as readonly PartName[];

/** The state of a run, without the weights of the model. */
export type RunState = {
  readonly version: 2;
  readonly epoch: number;
  readonly steps: number;
  /** Records learnt from, over all epochs. */
  readonly samples: number;
  /** Null after an epoch. */
  readonly unfinished: UnfinishedEpoch | null;
} & { readonly [N in PartName]: StateOf<N> };

/** What listeners may change: it is noted before they are asked, as they are asked again when the run goes on. */
export type Moment = Omit<RunState, 'optimizer'>;

/** Where a run is. */
export type Progress = Pick<RunState, 'epoch' | 'steps' | 'samples' | 'unfinished'>;

/** What moved on already, as it was: of random numbers, those of libtorch only where they did. */
export type Earlier = Partial<Pick<RunState, 'trainer'>> & { readonly random?: EarlierRandom };

export type EarlierRandom = Omit<RunRandomState, 'torch'> & Partial<RunRandomState>;

export function noteMoment(parts: RunParts, progress: Progress, earlier: Earlier = {}): Moment {
  const { random } = earlier;
  const before = { ...earlier, ...(random && { random: { torch: random.torch ?? noteTorch(), ...random } }) };
  const noted = STATE_PARTS.filter((name) => name !== 'optimizer' && !Object.hasOwn(before, name)).map(
    (name) => [name, PARTS[name](parts).stateDict()],
  );
  return { version: 2, ...progress, ...Object.fromEntries(noted), ...before } as Moment;
}

/** All of the state; its tensors are the live ones. */
export function wholeState(parts: RunParts, moment: Moment): RunState {
  return { ...moment, optimizer: PARTS.optimizer(parts).stateDict() };
}

/** Where the run's random numbers are. @param withTorch whether those of libtorch are noted too */
export function noteRandom({ random, shared }: RunParts, withTorch: boolean): EarlierRandom {
  const words = { run: random.words(), shared: shared.stateDict() };
  return withTorch ? { ...words, torch: noteTorch() } : words;
}

function noteTorch(): TorchRandomState {
  return { cpu: getRngState(), cuda: getRngStateAll() };
}

/** The same with tensors of its own. */
export function copyRandom({ torch, ...words }: EarlierRandom): EarlierRandom {
  if (torch === undefined) return words;
  return { ...words, torch: { cpu: torch.cpu.clone(), cuda: torch.cuda.map((each) => each.clone()) } };
}

/**
 * Brings a run to the state of a checkpoint: all of it, or, when something does not fit, nothing.
 *
 * @param path of the checkpoint, where the weights are
 * @returns what there was no state for, or a state for nothing: hooks that are in no identity may come and go
 * @throws ArgumentError when the state is that of another run
 */
export async function restore(parts: RunParts, state: RunState, path: string): Promise<readonly string[]> {
  if (state?.version !== 2) throw expected('a state of version 2', 'state.json', state?.version);
  checkProgress(state);
  const undo: (() => void)[] = [];
  const load = <N extends PartName>(name: N): void => {
    if (!Object.hasOwn(state, name)) throw expected(`the state of the ${name}`, 'state.json', undefined);
    const part = PARTS[name](parts) as StatePart<unknown>;
    const before = part.stateDict();
    undo.unshift(() => part.loadStateDict(before));
    part.loadStateDict(state[name]);
  };
  try {
    for (const name of STATE_PARTS) load(name);
    await loadModel(parts.model, path);
    return [...unpaired(parts.hooks.named(), state.hooks), ...unpaired(byId(parts), state.listeners)];
  } catch (error) {
    for (const each of undo) each();
    throw error;
  } finally {
    // Optimizers took copies, and the rest may keep what it was given.
    visitTensors([state.optimizer, state.random], (tensor) => tensor.dispose());
  }
}

/** What is no count would be taken for one that is never reached. */
function checkProgress({ epoch, steps, samples, unfinished }: Progress): void {
  for (const [name, value] of Object.entries({ epoch, steps, samples })) natural(value, name);
  if (unfinished === null) return;
  natural(unfinished?.steps, 'unfinished.steps');
  if (!Array.isArray(unfinished.metrics)) throw expected('a list', 'unfinished.metrics', unfinished.metrics);
}

/** The weights come last, as they are either loaded or not. */
async function loadModel(model: Module, path: string): Promise<void> {
  const names = tidy(() => [...model.stateDict().keys()]);
  const keys = new Map(names.map((name) => [name, name]));
  await loadWeights({ model, path, keys, isWhole: true, isVerified: true, owner: 'learner' });
}

type States = Readonly<Record<string, unknown>>;

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

function several(parts: Named): StatePart<States> {
  return {
    stateDict: () => statesOf(parts),
    loadStateDict(states: States): void {
      for (const [name, part] of parts) if (Object.hasOwn(states, name)) part.loadStateDict?.(states[name]);
    },
  };
}

function unpaired(parts: Named, states: States): string[] {
  const own = Object.keys(statesOf(parts));
  const saved = Object.keys(states);
  return [...own.filter((name) => !saved.includes(name)), ...saved.filter((name) => !own.includes(name))];
}

function randomOf({ random, shared }: RunParts): StatePart<RunRandomState> {
  return {
    stateDict: () => ({ run: random.words(), shared: shared.stateDict(), torch: noteTorch() }),
    loadStateDict({ run, shared: words, torch }): void {
      // On a machine with fewer devices the rest has nothing to draw for.
      setRngStateAll(torch.cuda.slice(0, deviceCount()));
      setRngState(torch.cpu);
      random.restore(run);
      shared.loadStateDict(words);
    },
  };
}
