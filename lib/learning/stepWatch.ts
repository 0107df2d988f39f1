/** What a compiled step may depend on beside tensors: fields of the trainer and of modules, the state of the run, hooks. */
import { isPlainObject } from '../plainObject.ts';
import { partsOf, Watch } from '../torch/compile/watch.ts';
import { gradientHooks } from '../torch/gradientHooks.ts';
import { Module } from '../torch/nn/module.ts';
import type { TrainerContext } from './context.ts';
import { Trainer } from './trainer.ts';

/** So many changes, each a few steps behind the one before, are taken for ones that every step makes. */
const MOST_CHANGES = 12;
const FEW_STEPS = 8;
/** So many elements of an array are asked whether they are modules or trainers. */
const MOST_ITEMS = 1000;

export class StepWatch {
  readonly #context: TrainerContext;
  readonly #fields: Watch;
  readonly #hooks = gradientHooks.count;
  /** Modules outside of the model, whose modes tell tapes apart as well. */
  #others: readonly Module[] = [];
  #generation = 0;
  #changes = 0;
  #since = 0;
  #problem: string | undefined;

  constructor(context: TrainerContext, trainer: Trainer) {
    this.#context = context;
    this.#fields = new Watch(() => {
      const objects = reached(context, trainer);
      const own = new Set<object>(context.model.modules());
      this.#others = objects.filter((each) => each instanceof Module && !own.has(each)) as Module[];
      return partsOf(objects);
    });
  }

  /** Tells tapes apart: of other fields, and of other epochs where those are asked for. */
  get key(): string {
    const { stateRead, epochNow } = this.#context;
    const epoch = stateRead.asksEpoch ? `@${epochNow}` : '';
    return `${this.#generation}${epoch} ${this.#others.map(({ training }) => (training ? 1 : 0)).join('')}`;
  }

  /** Before each step. @returns why steps cannot be compiled, if they cannot */
  look(): string | undefined {
    if (gradientHooks.count !== this.#hooks) return 'may meet a gradient hook in JavaScript';
    if (this.#context.stateRead.steps) return 'asks for the number of steps, which is another one in each';
    if (this.#fields.changed()) {
      this.#generation++;
      this.#changes = this.#since < FEW_STEPS ? this.#changes + 1 : 1;
      this.#since = 0;
      if (this.#changes >= MOST_CHANGES)
        this.#problem = `depends on fields of ${this.#fields.what}, which change all the time`;
    }
    this.#since++;
    return this.#problem;
  }
}

/** The trainer, those inside it, and every module of the model or in a field of theirs. */
function reached({ model }: TrainerContext, trainer: Trainer): object[] {
  const seen = new Set<object>(model.modules());
  const trainers = [trainer];
  for (let one = trainers.pop(); one !== undefined; one = trainers.pop()) {
    if (seen.has(one)) continue;
    seen.add(one);
    for (const value of Object.values(one).flatMap(inside)) {
      if (value instanceof Trainer) trainers.push(value);
      if (value instanceof Module) for (const module of value.modules()) seen.add(module);
    }
  }
  return [...seen];
}

/** The elements of an array or of a plain object. */
function inside(value: unknown): unknown[] {
  if (Array.isArray(value)) return value.slice(0, MOST_ITEMS);
  return isPlainObject(value) ? Object.values(value) : [value];
}
