/** What a function computes and how, for several arguments, each time from the same state. */
import { ArgumentError } from '../../errors.ts';
import { record, type Tape } from '../compile/recording.ts';
import { flatten } from '../compile/signature.ts';
import { Surroundings } from '../compile/twice.ts';
import { noGrad } from '../modes.ts';
import type { Tensor } from '../tensor.ts';

export interface Sample {
  readonly tensors: readonly Tensor[];
  readonly tape: Tape;
  readonly result: unknown;
  /** The tensors in the result. */
  readonly outputs: readonly Tensor[];
}

export interface SamplerOptions {
  /** For messages. */
  readonly name: string;
  call(tensors: readonly Tensor[]): unknown;
  /** Whether values of tensors may be read: a warning says where. */
  readonly mayRead: boolean;
  /** What it may change beside the random generators. */
  readonly buffers: readonly Tensor[];
  warn(message: string): void;
}

/** The shapes of tensors, in words. */
export function sizesOf(tensors: readonly Tensor[]): string {
  return tensors.map(({ shape }) => `[${shape.join(', ')}]`).join(', ');
}

/** Runs a function as often as wanted: random generators and buffers are as before each time, and in the end. */
export class Sampler {
  readonly #options: SamplerOptions;
  readonly #copies: readonly Tensor[];
  readonly #random = new Surroundings();
  readonly #randomState: readonly Tensor[];
  readonly #tapes: Tape[] = [];
  readonly #told = new Set<string>();
  readonly #reads = new Set<string>();

  constructor(options: SamplerOptions) {
    this.#options = options;
    this.#copies = noGrad(() => options.buffers.map((buffer) => buffer.clone()));
    this.#randomState = this.#random.note();
  }

  /** @throws ArgumentError where it cannot be written down */
  sample(tensors: readonly Tensor[]): Sample {
    const { result, tape, problem, reads } = this.again(() =>
      record(
        tensors,
        () => this.#options.call(tensors),
        (value) => flatten(value, 'the result').tensors,
        { mayRead: this.#options.mayRead },
      ),
    );
    if (tape === undefined)
      throw new ArgumentError(
        `Expected a function that can be traced for target but received ${this.#options.name}, which ${problem}`,
      );
    this.own(tape);
    for (const read of reads) this.#read(read);
    const outputs = flatten(result, 'the result').tensors.map((each) => each.detach().clone());
    return { tensors, tape, result, outputs };
  }

  /** Undefined where it fails on these arguments. */
  trySample(tensors: readonly Tensor[]): Sample | undefined {
    try {
      return this.sample(tensors);
    } catch {
      return undefined;
    }
  }

  /** Calls `fn` from the same state, which is as before afterwards. */
  again<T>(fn: () => T): T {
    try {
      return fn();
    } finally {
      this.#restore();
    }
  }

  /** Whether it goes the same way for both but for numbers; a warning says where not. */
  compareWays(example: Sample, other: Sample): boolean {
    const isSameSize =
      `${example.tensors.map(({ shape }) => shape)}` === `${other.tensors.map(({ shape }) => shape)}`;
    const difference = example.tape.difference(other.tape, { butForNumbers: !isSameSize });
    if (difference === '') return true;
    const where = isSameSize ? '' : `, for arguments of ${sizesOf(other.tensors)}`;
    this.warn(
      `does not always call the same operators: ${difference}${where}. It is traced as it went for the examples`,
    );
    return false;
  }

  /** What it reads of values, in words; empty where it reads none. */
  get reads(): string {
    return [...this.#reads].join('; ');
  }

  #read(what: string): void {
    this.#reads.add(what);
    this.warn(`${what}. What follows from it is in the trace as it went for the examples`);
  }

  warn(what: string): void {
    if (this.#told.has(what)) return;
    this.#told.add(what);
    this.#options.warn(`${this.#options.name} ${what}`);
  }

  /** Disposes of a tape with those of the samples. */
  own(tape: Tape): Tape {
    this.#tapes.push(tape);
    return tape;
  }

  dispose(): void {
    for (const tape of this.#tapes) tape.dispose();
    for (const each of this.#randomState) each.dispose();
    this.#random.dispose();
  }

  #restore(): void {
    this.#random.restore(this.#randomState);
    noGrad(() => {
      for (const [i, buffer] of this.#options.buffers.entries()) buffer.copy_(this.#copies[i] as Tensor);
    });
  }
}
