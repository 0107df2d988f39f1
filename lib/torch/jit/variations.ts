/** Arguments of other sizes, made of given ones: which sizes can differ is found by trying. */
import { F } from '../functions.ts';
import { noGrad } from '../modes.ts';
import type { Tensor } from '../tensor.ts';

/** The tensors among the arguments of a function. */
export type Inputs = readonly Tensor[];

/** One size of one tensor. */
interface Place {
  readonly tensor: Tensor;
  readonly dim: number;
  readonly size: number;
}

/** By how much a size grows, or shrinks where the function refuses longer ones, such as texts beyond its positions. */
const CHANGES = [
  [1, 2],
  [-1, -2],
] as const;

/** What a function gives for arguments of other sizes. */
export interface Variations<T> {
  /**
   * For each size that may differ alone, for those that may only differ together (the same size at the same place of several
   * tensors, or at any place), and for all of them at a time.
   */
  readonly found: readonly T[];
  /** With each of these at 1, at 2 and one shorter: where programs take another branch, or fail. */
  readonly shorter: readonly T[];
}

/** @param tries undefined where the function fails on the arguments, or goes another way */
export function variations<T>(inputs: Inputs, tries: (inputs: Inputs) => T | undefined): Variations<T> {
  const found: T[] = [];
  const free: { readonly group: readonly Place[]; readonly sign: number }[] = [];
  const isFree = (group: readonly Place[]): boolean => {
    for (const changes of CHANGES) {
      const smallest = Math.min(...group.map(({ size }) => size));
      if (smallest + Math.min(...changes) < 1) continue;
      const samples = changes.map((by) => tries(changed(inputs, [{ group, by }])));
      if (samples.some((each) => each === undefined)) continue;
      found.push(...(samples as T[]));
      free.push({ group, sign: Math.sign(changes[0]) });
      return true;
    }
    return false;
  };
  let left = placesOf(inputs).filter((place) => place.size === 1 || !isFree([place]));
  for (const keyOf of [({ size, dim }: Place) => `${size},${dim}`, ({ size }: Place) => `${size}`])
    left = [...grouped(left, keyOf)].flatMap((group) => (isFree(group) ? [] : group));
  const shorter = free.flatMap(({ group, sign }) => {
    const size = Math.min(...group.map((place) => place.size));
    const seen = sign < 0 ? [size - 1, size - 2] : [];
    const sizes = new Set([1, 2, size - 1].filter((each) => each > 0 && each < size && !seen.includes(each)));
    return [...sizes].flatMap((each) => tries(changed(inputs, [{ group, by: each - size }])) ?? []);
  });
  if (free.length < 2) return { found, shorter };
  // Numbers that follow from two sizes differ from those that follow from one only where both change.
  for (const first of [1, 3]) {
    const all = free.map(({ group, sign }, i) => ({
      group,
      by: sign * (sign > 0 ? first + i : 1 + ((i + first) % 2)),
    }));
    const together = tries(changed(inputs, all));
    if (together !== undefined) found.push(together);
  }
  return { found, shorter };
}

function placesOf(inputs: Inputs): Place[] {
  return [...new Set(inputs)].flatMap((tensor) =>
    tensor.shape.flatMap((size, dim) => (size > 0 ? [{ tensor, dim, size }] : [])),
  );
}

function grouped(places: readonly Place[], keyOf: (place: Place) => string): Iterable<readonly Place[]> {
  const groups = new Map<string, Place[]>();
  for (const place of places) groups.set(keyOf(place), [...(groups.get(keyOf(place)) ?? []), place]);
  return groups.values();
}

/** Longer by its first parts, once more, or shorter by its last ones: all values are such as were given. */
function changed(
  inputs: Inputs,
  changes: readonly { readonly group: readonly Place[]; readonly by: number }[],
): Inputs {
  const made = new Map<Tensor, Tensor>(inputs.map((tensor) => [tensor, tensor]));
  noGrad(() => {
    for (const { group, by } of changes) {
      for (const { tensor, dim, size } of group) {
        const parts = F.arange(size + by, { device: tensor.device }).remainder(size);
        made.set(tensor, (made.get(tensor) as Tensor).indexSelect(dim, parts));
      }
    }
  });
  return inputs.map((tensor) => (made.get(tensor) as Tensor).detach());
}
