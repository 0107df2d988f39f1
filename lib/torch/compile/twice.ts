/** The same computation twice from one state: by a tape, and by the function that it was recorded from. */
import { getRngStateAll, setRngStateAll } from '../cuda.ts';
import { noGrad } from '../modes.ts';
import { getRngState, setRngState } from '../random.ts';
import { keep } from '../scope.ts';
import type { Tensor } from '../tensor.ts';
import { sameBits, type Tape } from './recording.ts';

/** What a computation changes beside its results: the random generators, and tensors that its tapes hold. */
export class Surroundings {
  readonly #changed: readonly Tensor[];

  constructor(...tapes: readonly Tape[]) {
    this.#changed = tapes.flatMap((tape) => tape.mutated());
  }

  /** Whether the tape changes any tensor. */
  get isChanged(): boolean {
    return this.#changed.length > 0;
  }

  /** As they are now. */
  note(): Tensor[] {
    const copies = noGrad(() => this.#changed.map((tensor) => tensor.clone()));
    return [getRngState(), ...getRngStateAll(), ...copies].map(keep);
  }

  /** As they were when they were noted. */
  restore(noted: readonly Tensor[]): void {
    const devices = noted.length - 1 - this.#changed.length;
    setRngState(noted[0] as Tensor);
    setRngStateAll(noted.slice(1, 1 + devices));
    noGrad(() => {
      for (const [i, tensor] of this.#changed.entries()) tensor.copy_(noted[1 + devices + i] as Tensor);
    });
  }

  dispose(): void {
    for (const tensor of this.#changed) tensor.dispose();
  }
}

/** The first of two lists of tensors that has not the same bits; undefined when all have. */
export function firstDifference(
  a: readonly (Tensor | null)[],
  b: readonly (Tensor | null)[],
): number | undefined {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const [left, right] = [a[i] ?? null, b[i] ?? null];
    if (left === null && right === null) continue;
    if (left === null || right === null || !sameBits(left, right)) return i;
  }
  return undefined;
}
