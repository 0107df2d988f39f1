import { F } from '../../functions.ts';
import { noGrad } from '../../modes.ts';
import type { Generator } from '../../random.ts';
import { tidy } from '../../scope.ts';
import type { Tensor } from '../../tensor.ts';
import type { DrawOptions } from './draw.ts';

/** What {@link truncNormal_} takes: mean 0, std 1, and the bounds a = -2 and b = 2. */
export interface TruncatedOptions extends DrawOptions {
  readonly mean?: number;
  readonly std?: number;
  readonly a?: number;
  readonly b?: number;
}

interface Law {
  readonly mean: number;
  readonly std: number;
  readonly low: number;
  readonly high: number;
  readonly generator: Generator | undefined;
}

/** Draws from N(mean, std²) until every value is within [a, b]. Any shape. */
export function truncNormal_<T extends Tensor>(
  tensor: T,
  { mean = 0, std = 1, a: low = -2, b: high = 2, generator }: TruncatedOptions = {},
): T {
  const law = { mean, std, low, high, generator };
  tidy(() =>
    noGrad(() => {
      const isLikely = normalCdf((high - mean) / std) - normalCdf((low - mean) / std) > 0.3;
      if (isLikely) redrawNormal(tensor, law);
      else rejectUniform(tensor, law);
    }),
  );
  return tensor;
}

/** Redraws the values that fall outside; good when few do. */
function redrawNormal(tensor: Tensor, { mean, std, low, high, generator }: Law): void {
  // As the tensor's dtype can hold them, so that a value rounded to a bound counts as inside.
  const [least, most] = [low, high].map((bound) => F.fullLike(tensor, bound)) as [Tensor, Tensor];
  let result = tensor.normal_(mean, std, { generator });
  for (;;) {
    const outside = result.lt(least).logicalOr(result.gt(most));
    if (!outside.any().item()) break;
    result = F.where(outside, F.emptyLike(result).normal_(mean, std, { generator }), result);
  }
  if (result !== tensor) tensor.copy_(result);
}

/** Accepts uniform draws with the density of the law relative to its peak; good far from the mean. */
function rejectUniform(tensor: Tensor, { mean, std, low, high, generator }: Law): void {
  const mode = Math.max(low, Math.min(mean, high));
  const logPeak = -0.5 * ((mode - mean) / std) ** 2;
  const candidates = F.emptyLike(tensor);
  const coin = F.emptyLike(tensor);
  const isRejected = (): Tensor => {
    candidates.sub_(mean).div_(std).pow_(2).mul_(-0.5).sub_(logPeak);
    return coin.uniform_(0, 1, { generator }).log_().gt(candidates);
  };
  tensor.uniform_(low, high, { generator });
  candidates.copy_(tensor);
  let pending = isRejected();
  if (!pending.any().item()) return;
  let result: Tensor = tensor;
  do {
    candidates.uniform_(low, high, { generator });
    result = F.where(pending, candidates, result);
    pending = F.where(pending, isRejected(), pending);
  } while (pending.any().item());
  tensor.copy_(result);
}

function normalCdf(x: number): number {
  const erf = F.fullLike(F.zeros([], { dtype: 'float64' }), x / Math.sqrt(2))
    .erf()
    .item();
  return (1 + Number(erf)) / 2;
}
