/** The same computation twice from one state: by a tape, and by the function that it was recorded from. */
import { getRngStateAll, setRngStateAll } from '../cuda.ts';
import { noGrad } from '../modes.ts';
import { getRngState, setRngState } from '../random.ts';
import { keep, tidy } from '../scope.ts';
import type { Tensor } from '../tensor.ts';
import { areDeterministicAlgorithmsEnabled } from '../threads.ts';
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

/** Of the largest number of a tensor: what sums in another order come to, in float32 and in 16 bits. */
const TOLERANCE = 1e-4;
const NARROW_TOLERANCE = 2e-2;

/**
 * How far results of one computation may be apart on a device, as a share of the largest number of a tensor; 0 is to the
 * bit. CUDA adds up in another order each time unless it computes with deterministic algorithms.
 */
export function toleranceOn(device: string, isNarrow: boolean): number {
  if (!device.startsWith('cuda') || areDeterministicAlgorithmsEnabled()) return 0;
  return isNarrow ? NARROW_TOLERANCE : TOLERANCE;
}

/** Whether numbers are the same, or as near as tolerated. */
export function areNear(a: number, b: number, tolerance: number): boolean {
  return Object.is(a, b) || Math.abs(a - b) <= tolerance * Math.max(Math.abs(a), Math.abs(b));
}

function areTensorsNear(a: Tensor, b: Tensor, tolerance: number): boolean {
  if (sameBits(a, b)) return true;
  if (tolerance === 0 || !a.isFloatingPoint() || a.dtype !== b.dtype || `${a.shape}` !== `${b.shape}`)
    return false;
  return tidy(() =>
    noGrad(() => {
      const [left, right] = [a.to('float64'), b.to('float64')];
      const apart = left.sub(right).abs().max().item();
      return apart <= tolerance * right.abs().max().item();
    }),
  );
}

/** The first of two lists of tensors that is not the same to the bit, or as near as tolerated; undefined when all are. */
export function firstDifference(
  a: readonly (Tensor | null)[],
  b: readonly (Tensor | null)[],
  tolerance = 0,
): number | undefined {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const [left, right] = [a[i] ?? null, b[i] ?? null];
    if (left === null && right === null) continue;
    if (left === null || right === null || !areTensorsNear(left, right, tolerance)) return i;
  }
  return undefined;
}
