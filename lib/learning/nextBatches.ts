/**
 * What the next step is made of: taken from the trainer while the one before is computed.
 */
import { expected } from '../errors.ts';
import { visitTensors } from '../torch/scope.ts';
import type { Attention } from './attention.ts';
import type { TrainerContext } from './context.ts';
import type { DataWait } from './dataWait.ts';
import type { Prepared } from './openStep.ts';
import { copyRandom, type Earlier } from './runState.ts';
import { disposeParts, type TensorPart } from './tensorParts.ts';
import type { Batches, Trainer } from './trainer.ts';

export interface NextBatchesOptions {
  readonly context: TrainerContext;
  readonly trainer: Trainer;
  /** Batches in a step. */
  readonly accumulateGradBatches: number;
  readonly attention: Attention;
  readonly wait: DataWait;
  /** Whether steps of batches in parts are compiled, or may be. */
  isCompiling(): boolean;
}

/** What the next step is made of, or what is to be done before it. */
export type Taken = Made | 'asked' | 'stopped' | { readonly failure: unknown };

export interface Made {
  readonly prepared: Prepared;
  /** Whether their step has yet to begin. */
  readonly isAhead: boolean;
}

export class NextBatches {
  readonly #options: NextBatchesOptions;
  #next: Promise<Prepared> | undefined;
  /** What that promise came to. */
  #outcome: Prepared | { readonly failure: unknown } | undefined;
  /** Until it is there, or something is asked of the run; undefined where it is to be waited for once more. */
  #arrival: Promise<void> | undefined;
  #arrived: (() => void) | undefined;
  readonly #beforeDraw = () => this.#noteTorch();
  /** Whether they are of a step that begins once they are there; otherwise they are made while another one is. */
  #begins = false;
  /** What taking them changes, as it was before. */
  #before: Earlier = {};

  constructor(options: NextBatchesOptions) {
    this.#options = options;
  }

  /** Whether some are being made, or made. */
  get areUnderWay(): boolean {
    return this.#next !== undefined;
  }

  /** What of the state moved on for a step that has not begun, as it was before. */
  get earlier(): Earlier {
    const { random, ...rest } = this.#before;
    if (this.#next === undefined) return {};
    return random === undefined ? rest : { ...rest, random: copyRandom(random) };
  }

  /** They, or what else is to be done; undefined where that is still to arrive. */
  take(): Taken | undefined {
    const { attention } = this.#options;
    if (attention.isStopped) return 'stopped';
    if (attention.asksToSave) return 'asked';
    const outcome = this.#outcome;
    if (outcome === undefined) return undefined;
    this.#next = undefined;
    this.#outcome = undefined;
    return 'failure' in outcome ? outcome : { prepared: outcome, isAhead: !this.#begins };
  }

  /** Waits until `take` has an answer. */
  arrival(batches: Batches<unknown>): Promise<void> {
    if (this.#next === undefined) void this.prepare(batches, true);
    this.#arrival ??= new Promise((resolve) => {
      this.#arrived = resolve;
      this.#options.attention.wakes(() => {
        this.#arrival = undefined;
        resolve();
      });
    });
    return this.#arrival;
  }

  /** @param begins whether their step begins: then what makes tensors of them sees the state of that step */
  prepare(batches: Batches<unknown>, begins: boolean): Promise<Prepared> {
    const { context, trainer, wait } = this.#options;
    const { checkpoints } = context;
    if (checkpoints.isOn) {
      this.#forget();
      // What is made ahead draws no random numbers of libtorch: see keepsOrder.
      const random = checkpoints.noteRandom(begins);
      this.#before = { trainer: trainer.stateDict(), ...(random && { random }) };
    }
    context.beforeDraw = begins ? undefined : this.#beforeDraw;
    this.#begins = begins;
    const next = wait.making(() => this.#make(batches, begins));
    this.#next = next;
    this.#arrival = undefined;
    const arrived = (outcome: Prepared | { readonly failure: unknown }) => {
      if (this.#next !== next) return;
      this.#outcome = outcome;
      this.#arrived?.();
    };
    next.then(arrived, (failure: unknown) => arrived({ failure }));
    return next;
  }

  /** @param anew whether they were in parts before, whatever became of compiling since */
  async partsOf(batches: readonly unknown[], anew = false): Promise<readonly TensorPart[] | undefined> {
    if (!anew && !this.#options.isCompiling()) return undefined;
    const parts: TensorPart[] = [];
    for (const batch of batches) {
      const some = await this.#options.trainer.parts(batch);
      if (some === undefined) {
        disposeParts(parts);
        return undefined;
      }
      parts.push(...some);
    }
    return parts;
  }

  /** Nobody waits for them any more. */
  dispose(): void {
    void this.#next?.then(({ parts }) => disposeParts(parts ?? [])).catch(() => {});
    this.#next = undefined;
    this.#outcome = undefined;
    this.#forget();
  }

  async #make(batches: Batches<unknown>, begins: boolean): Promise<Prepared> {
    const { accumulateGradBatches, context } = this.#options;
    const taken: unknown[] = [];
    while (taken.length < accumulateGradBatches) {
      const { value, done } = await batches.next();
      if (done) throw expected('batches without an end', 'trainer.iterBatches', undefined);
      taken.push(value);
    }
    if (begins) context.nextStep();
    return { batches: taken, parts: await this.partsOf(taken) };
  }

  /** Batches that are made ahead draw for the first time. */
  #noteTorch(): void {
    const { random } = this.#before;
    if (random === undefined) return;
    this.#before = {
      ...this.#before,
      random: { ...this.#options.context.checkpoints.noteRandom(true), ...random },
    };
  }

  #forget(): void {
    visitTensors(this.#before.random, (tensor) => tensor.dispose());
    this.#before = {};
  }
}
