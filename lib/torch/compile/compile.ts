/** `torch.compile`: a function of tensors that runs without JavaScript, on a thread of its own. */
import { types } from 'node:util';
import { expected } from '../../errors.ts';
import { current, WHOLE_FUNCTION } from '../context.ts';
import { Module } from '../nn/module.ts';
import type { Tensor } from '../tensor.ts';
import { TapeCache } from './cache.ts';
import { AGREEMENTS, type Entry, isDue } from './entry.ts';
import type { Inputs, Recorded } from './generalTapes.ts';
import { type Recording, record, type Tape } from './recording.ts';
import { filled, flatten, modesOf, signatureWithoutSizes, templateOf } from './signature.ts';
import { firstDifference, Surroundings, toleranceOn } from './twice.ts';
import { partsOf, Watch } from './watch.ts';

/** So many changes of modules, without a call that needed no JavaScript between them, are too many. */
const MOST_CHANGES = 32;

/** Calls without JavaScript that are under way, and all calls so far, of all functions: they share random generators. */
let underWay = 0;
let begun = 0;

export interface CompileOptions {
  /** For messages; default the name of the function, or of the module's class. */
  readonly name?: string;
  /** Whose modes and fields the function depends on. Default: the module itself, where it is one. */
  readonly modules?: readonly Module[];
  /** Compares in every call, not only in the first ones: slower than without. Default false. */
  readonly verify?: boolean;
  /** Told once, why it is not compiled; default a warning of the process with the code `XPMIR_COMPILE`. */
  readonly warn?: (message: string) => void;
}

/** A function or a module of tensors. */
export type Compilable<A extends readonly unknown[], R> =
  | ((...args: A) => R)
  | (Module & { forward(...args: A): R });

/**
 * The same function, asynchronous: its operators run one after the other on a thread of their own, without JavaScript.
 *
 * The operators of the first call with arguments of some structure, shapes, dtypes and devices are written down. In the
 * two calls after that they are run both ways from the same state, random generators included: the operators and their
 * numbers, and the results, must be the same to the bit, or near on CUDA without deterministic algorithms. From then on
 * what was written down runs alone. Shapes that never come again are no problem where the numbers that depend on them
 * follow from their sizes. Where anything differs, or the function does what cannot be written down (reading values,
 * making tensors from JavaScript's, hooks), one warning says what and where, and it runs as it is from then on. It is
 * compared again after 8 uses, 32, 128, 512, and then every 1000. Where a field of its modules changes, such as a
 * parameter that is replaced, all is written down anew; what else it takes from around it is a constant. Called while
 * another function is written down, it is a part of that one. Arguments and results are tensors in arrays and plain
 * objects, with plain values between them; gradients flow as through the function.
 *
 * @example const score = compile(model); const scores = await score(queries, documents);
 */
export function compile<A extends readonly unknown[], R>(
  fn: Compilable<A, R>,
  options: CompileOptions = {},
): (...args: A) => Promise<R> {
  const compiled = new CompiledFunction(fn, options);
  return (...args) => compiled.call(args);
}

/** A call, and what finds its tape. */
interface Asked<A> {
  readonly args: A;
  readonly tensors: readonly Tensor[];
  readonly signature: string;
  readonly inputs: () => Inputs;
}

/** What a tape gave, and what to free of it. */
type Replay = { readonly noted: readonly Tensor[] } & (
  | { readonly failure: string }
  | {
      readonly outputs: readonly Tensor[];
      /** What surrounds it, after it. */
      readonly after: readonly Tensor[];
    }
);

interface Comparison<R> {
  readonly again: Recording<R>;
  readonly replay: Replay | undefined;
  readonly now: readonly Tensor[];
}

class CompiledFunction<A extends readonly unknown[], R> {
  readonly #fn: (...args: A) => R;
  readonly #name: string;
  readonly #watch: Watch;
  readonly #verify: boolean;
  readonly #warn: (message: string) => void;
  #modules: readonly Module[] = [];
  /** Of the modules as they are now. */
  #cache = new TapeCache<unknown>();
  #changes = 0;
  #isEager = false;

  constructor(fn: Compilable<A, R>, { name, modules, verify = false, warn = warnProcess }: CompileOptions) {
    const isModule = fn instanceof Module;
    if (!isModule && typeof fn !== 'function') throw expected('a function or a module', 'fn', fn);
    this.#fn = isModule ? (...args: A) => (fn as { forward(...args: A): R }).forward(...args) : fn;
    this.#name = name ?? ((isModule ? fn.constructor.name : fn.name) || 'a function');
    const roots = modules ?? (isModule ? [fn] : []);
    this.#watch = new Watch(() => {
      this.#modules = roots.flatMap((each) => each.modules());
      return partsOf(this.#modules);
    });
    this.#verify = verify;
    this.#warn = warn;
  }

  async call(args: A): Promise<R> {
    const { isWrittenDown, foresee, observe } = current();
    if (isWrittenDown) return this.#fn(...args);
    foresee?.(WHOLE_FUNCTION);
    observe?.(WHOLE_FUNCTION, undefined, args);
    if (!this.#isEager) this.#lookAround();
    if (this.#isEager) return this.#fn(...args);
    begun++;
    const { tensors, signature } = flatten(args, 'arguments');
    const modes = modesOf(this.#modules);
    const asked: Asked<A> = {
      args,
      tensors,
      signature: `${modes} ${signature}`,
      inputs: () => ({ tensors, family: `${modes} ${signatureWithoutSizes(args, 'arguments')}` }),
    };
    const entry = this.#cache.find(asked.signature, asked.inputs);
    if (entry === undefined) return this.#first(asked);
    // Later than the first times only while no other call could draw random numbers between the two ways.
    const compares = entry.agreed < AGREEMENTS || this.#verify || (isDue(entry) && underWay === 0);
    if (compares) return this.#both(entry, asked);
    this.#changes = 0;
    entry.uses++;
    underWay++;
    try {
      return filled(entry.found, await entry.tape.call(tensors)) as R;
    } finally {
      underWay--;
    }
  }

  /** Forgets what was written down of modules that were others. */
  #lookAround(): void {
    if (!this.#watch.changed()) return;
    this.#cache.dispose();
    this.#cache = new TapeCache();
    if (++this.#changes > MOST_CHANGES) this.#give('has modules whose fields change all the time');
  }

  /** The call in which a signature is new. */
  #first(asked: Asked<A>): R {
    const recording = this.#record(asked);
    this.#remember(asked, recording);
    return recording.result;
  }

  #remember({ signature, inputs }: Asked<A>, recording: Recording<R>, compared?: Entry<unknown>): void {
    const { tape, result, problem } = recording;
    if (tape === undefined) {
      this.#give(problem as string);
      return;
    }
    const recorded: Recorded<unknown> = {
      tape,
      found: templateOf(result),
      told: signatureWithoutSizes(result, 'result'),
    };
    const why = this.#cache.add(signature, inputs(), { recorded, compared });
    if (why !== undefined) this.#give(why);
  }

  /** A call both ways. */
  async #both(entry: Entry<unknown>, asked: Asked<A>): Promise<R> {
    const tape = entry.tape.share();
    const cache = this.#cache;
    const call = begun;
    const isLate = entry.agreed >= AGREEMENTS && !this.#verify;
    entry.uses = 0;
    const surroundings = new Surroundings(tape);
    const before = surroundings.note();
    // What it changes cannot be put back behind the function, whose backward may need it as it is. Otherwise it comes
    // second: where it is for other shapes than this one, it does not run at all.
    let replay = surroundings.isChanged ? await this.#replay(tape, asked, surroundings) : undefined;
    if (replay !== undefined) surroundings.restore(before);
    try {
      const again = this.#record(asked);
      const now = surroundings.note();
      const differs = again.tape && tape.difference(again.tape);
      if (replay === undefined && differs === '') {
        surroundings.restore(before);
        replay = await this.#replay(tape, asked, surroundings);
        surroundings.restore(now);
      }
      let problem = again.problem;
      if (differs) problem ??= `depends on values: ${differs}`;
      // Calls that began meanwhile may have drawn random numbers between those of the two ways.
      else if (!isLate || call === begun) problem ??= this.#problemOf({ again, replay, now });
      if (cache !== this.#cache || this.#isEager) again.tape?.dispose();
      else if (entry.isGeneral && (problem === undefined || (again.tape !== undefined && differs !== '')))
        this.#remember(asked, again, problem === undefined ? entry : undefined);
      else {
        if (problem !== undefined) this.#give(problem);
        else entry.agreed++;
        again.tape?.dispose();
      }
      for (const each of now) each.dispose();
      return again.result;
    } finally {
      for (const each of [...before, ...(replay?.noted ?? [])]) each.dispose();
      surroundings.dispose();
      tape.dispose();
    }
  }

  async #replay(tape: Tape, { tensors }: Asked<A>, surroundings: Surroundings): Promise<Replay> {
    try {
      const outputs = await tape.call(tensors);
      const after = surroundings.note();
      return { outputs, after, noted: [...outputs, ...after] };
    } catch (error) {
      return { failure: `failed without JavaScript: ${messageOf(error)}`, noted: [] };
    }
  }

  #problemOf({ again, replay, now }: Comparison<R>): string | undefined {
    if (replay === undefined || 'failure' in replay) return replay?.failure;
    const [first] = replay.outputs;
    const isNarrow = current().autocast !== 0 || /16$/.test(first?.dtype ?? '');
    const tolerance = toleranceOn(first?.device ?? 'cpu', isNarrow);
    const at = firstDifference(replay.outputs, flatten(again.result, 'result').tensors, tolerance);
    if (at !== undefined) return `gives another result without JavaScript, in tensor ${at} of it`;
    return firstDifference(replay.after, now, tolerance) === undefined
      ? undefined
      : 'leaves another state without JavaScript';
  }

  #record({ args, tensors }: Asked<A>): Recording<R> {
    this.#lookAround();
    const recording = record(
      tensors,
      () => this.#fn(...args),
      (result) => flatten(result, 'result').tensors,
    );
    // What it puts into fields itself is no change: where an operator takes it, the two ways differ.
    this.#watch.changed();
    return recording;
  }

  #give(problem: string): void {
    if (this.#isEager) return;
    this.#isEager = true;
    this.#cache.dispose();
    this.#warn(`${this.#name} is not compiled, as it ${problem}`);
  }
}

function warnProcess(message: string): void {
  process.emitWarning(message, { code: 'XPMIR_COMPILE' });
}

function messageOf(error: unknown): string {
  return types.isNativeError(error) ? error.message : String(error);
}
