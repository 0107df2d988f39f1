/** Gradients clipped, and parameters as one vector; what PyTorch has in `torch.nn.utils`. */

import { ArgumentError, expected } from '../../errors.ts';
import { elements } from '../elements.ts';
import { F } from '../functions.ts';
import { noGrad } from '../modes.ts';
import { ops } from '../ops.ts';
import { tidy } from '../scope.ts';
import { Tensor } from '../tensor.ts';

export * as rnn from './packed.ts';

/** What the clipping functions take. */
export interface NormOptions {
  /** The p of the norm; 2 unless told otherwise, Infinity for the largest value. */
  readonly normType?: number;
  /** Fail instead of clipping by a norm that is NaN or infinite (false). */
  readonly errorIfNonfinite?: boolean;
}

type Tensors = Tensor | Iterable<Tensor>;

/** The norm of all tensors as if they were one vector: `[]`. */
export function getTotalNorm(
  tensors: Tensors,
  { normType = 2, errorIfNonfinite = false }: NormOptions = {},
): Tensor {
  const all = toArray(tensors);
  return tidy(() =>
    noGrad(() => {
      const [first] = all;
      if (first === undefined) return F.zeros([]);
      const norms = byPlace(all).flatMap((group) => ops.aten._foreach_norm(group, normType));
      const stacked = F.stack(norms.map((norm) => norm.to(first.device)));
      const total = F.linalgVectorNorm(stacked, normType);
      if (errorIfNonfinite && !total.isfinite().item()) {
        throw new ArgumentError(
          `Expected a finite total norm of order ${normType} but received ${total.item()}: the gradients cannot be clipped`,
        );
      }
      return total;
    }),
  );
}

/**
 * Scales the gradients, in place, so that their total norm is at most `maxNorm`.
 *
 * @returns the norm before: `[]`
 */
export function clipGradNorm_(parameters: Tensors, maxNorm: number, options: NormOptions = {}): Tensor {
  return tidy(() =>
    noGrad(() => {
      const grads = gradients(parameters);
      const total = getTotalNorm(grads, options);
      const factor = total.add(1e-6).reciprocal().mul(maxNorm).clamp(null, 1);
      for (const group of byPlace(grads)) ops.aten._foreach_mul_(group, factor.to(group[0]!.device));
      return total;
    }),
  );
}

/** Bends the gradients, in place, to stay between `-clipValue` and `clipValue`. */
export function clipGradValue_(parameters: Tensors, clipValue: number): void {
  if (typeof clipValue !== 'number') throw expected('a number', 'clipValue', clipValue);
  tidy(() =>
    noGrad(() => {
      for (const group of byPlace(gradients(parameters))) {
        ops.aten._foreach_clamp_min_(group, -clipValue);
        ops.aten._foreach_clamp_max_(group, clipValue);
      }
    }),
  );
}

/** All parameters after each other: `[Σ elements]`. */
export function parametersToVector(parameters: Iterable<Tensor>): Tensor {
  return F.cat(toArray(parameters).map((parameter) => parameter.view([-1])));
}

/** Gives each parameter its part of the vector, sharing the vector's storage as PyTorch does. */
export function vectorToParameters(vector: Tensor, parameters: Iterable<Tensor>): void {
  if (!(vector instanceof Tensor)) throw expected('a Tensor', 'vector', vector);
  let start = 0;
  tidy(() => {
    for (const parameter of parameters) {
      const { shape } = parameter;
      const length = shape.reduce((product, size) => product * size, 1);
      parameter.data = vector.slice(0, start, start + length).view(shape);
      start += length;
    }
  });
}

function toArray(tensors: Tensors): Tensor[] {
  if (tensors instanceof Tensor) return [tensors];
  return elements(tensors, 'tensors', 'Tensors', (value) => value instanceof Tensor);
}

function gradients(parameters: Tensors): Tensor[] {
  return toArray(parameters).flatMap((parameter) => parameter.grad ?? []);
}

/** Tensors of one device and dtype together, as one foreach call takes them; in order of first appearance. */
function byPlace(tensors: readonly Tensor[]): Tensor[][] {
  const groups = new Map<string, Tensor[]>();
  for (const tensor of tensors) {
    const place = `${tensor.device} ${tensor.dtype}`;
    const group = groups.get(place);
    if (group) group.push(tensor);
    else groups.set(place, [tensor]);
  }
  return [...groups.values()];
}
