/** `torch.compile`: a function of tensors that runs without JavaScript, on a thread of its own. */
import { types } from 'node:util';
import { expected } from '../../errors.ts';
import { Module } from '../nn/module.ts';
import type { Tensor } from '../tensor.ts';
import { AGREEMENTS, type Entry, TapeCache } from './cache.ts';
import { type Recording, record, type Tape } from './recording.ts';
import { filled, flatten, modesOf, templateOf } from './signature.ts';
import { firstDifference, Surroundings } from './twice.ts';

export interface CompileOptions {
  /** For messages; default the name of the function, or of the module's class. */
  readonly name?: string;
  /** Whose training modes the function depends on. Default: the module itself, where it is one. */
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
 * numbers, and the results, must be the same to the bit. From then on what was written down runs alone. Where anything
 * differs, or the function does what cannot be written down (reading values, making tensors from JavaScript's, hooks),
 * one warning says what and where, and it runs as it is from then on. Arguments and results are tensors in arrays and
 * plain objects, with plain values between them; gradients flow as through the function.
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

class CompiledFunction<A extends readonly unknown[], R> {
  readonly #fn: (...args: A) => R;
  readonly #name: string;
  readonly #modules: readonly Module[];
  readonly #verify: boolean;
  readonly #warn: (message: string) => void;
  readonly #cache = new TapeCache<unknown>();
  #isEager = false;

  constructor(fn: Compilable<A, R>, { name, modules, verify = false, warn = warnProcess }: CompileOptions) {
    const isModule = fn instanceof Module;
    if (!isModule && typeof fn !== 'function') throw expected('a function or a module', 'fn', fn);
    this.#fn = isModule ? (...args: A) => (fn as { forward(...args: A): R }).forward(...args) : fn;
    this.#name = name ?? ((isModule ? fn.constructor.name : fn.name) || 'a function');
    this.#modules = (modules ?? (isModule ? [fn] : [])).flatMap((each) => [...each.modules()]);
    this.#verify = verify;
    this.#warn = warn;
  }

  async call(args: A): Promise<R> {
    if (this.#isEager) return this.#fn(...args);
    const { tensors, signature } = flatten(args, 'arguments');
    const key = `${modesOf(this.#modules)} ${signature}`;
    const entry = this.#cache.get(key);
    if (entry === undefined) return this.#first(key, args, tensors);
    if (entry.agreed < AGREEMENTS || this.#verify) return this.#both(entry, args, tensors);
    const outputs = await entry.tape.call(tensors);
    return filled(entry.found, outputs) as R;
  }

  /** The call in which a signature is new. */
  #first(key: string, args: A, tensors: readonly Tensor[]): R {
    const { result, tape, problem } = this.#record(args, tensors);
    if (tape === undefined) this.#give(problem as string);
    else if (!this.#cache.add(key, tape, templateOf(result)))
      this.#give('is called with ever other shapes: pad them to multiples of a number');
    return result;
  }

  /** A call both ways. */
  async #both(entry: Entry<unknown>, args: A, tensors: readonly Tensor[]): Promise<R> {
    const surroundings = new Surroundings(entry.tape);
    const before = surroundings.note();
    let outputs: Tensor[];
    try {
      outputs = await entry.tape.call(tensors);
    } catch (error) {
      surroundings.restore(before);
      this.#give(`failed without JavaScript: ${messageOf(error)}`);
      return this.#fn(...args);
    }
    const after = surroundings.note();
    surroundings.restore(before);
    const again = this.#record(args, tensors);
    const now = surroundings.note();
    const problem = again.problem ?? this.#compare(entry.tape, again, outputs, [after, now]);
    again.tape?.dispose();
    for (const each of [...before, ...after, ...now, ...outputs]) each.dispose();
    surroundings.dispose();
    if (problem !== undefined) this.#give(problem);
    else entry.agreed++;
    return again.result;
  }

  #compare(
    tape: Tape,
    { tape: again, result }: Recording<R>,
    outputs: readonly Tensor[],
    [after, now]: readonly [readonly Tensor[], readonly Tensor[]],
  ): string | undefined {
    const differs = tape.difference(again as Tape);
    if (differs !== '') return `depends on values: ${differs}`;
    const at = firstDifference(outputs, flatten(result, 'result').tensors);
    if (at !== undefined) return `gives another result without JavaScript, in tensor ${at} of it`;
    return firstDifference(after, now) === undefined ? undefined : 'leaves another state without JavaScript';
  }

  #record(args: A, tensors: readonly Tensor[]): Recording<R> {
    return record(
      tensors,
      () => this.#fn(...args),
      (result) => flatten(result, 'result').tensors,
    );
  }

  #give(problem: string): void {
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
