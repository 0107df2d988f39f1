import { expected } from '../../../errors.ts';
import type { DType } from '../../dtype.ts';
import { F } from '../../functions.ts';
import type { Tensor } from '../../tensor.ts';

/** Elementwise functions of `[*]`, giving `[*]`, unless said otherwise. */

export interface InplaceOption {
  /** Write the result into the input (false). */
  readonly inplace?: boolean;
}

/** A number that may also stand in the options under its name: `elu(x, 0.5)` or `elu(x, { alpha: 0.5 })`. */
export type OrNamed<Names extends string, Options = object> =
  | number
  | (Options & { readonly [N in Names]?: number });

export interface SoftmaxOptions {
  /** Convert the input to this dtype first. */
  readonly dtype?: DType;
}

/** `max(0, x)` */
export function relu(input: Tensor, { inplace = false }: InplaceOption = {}): Tensor {
  return inplace ? input.relu_() : input.relu();
}

/** `min(max(0, x), 6)` */
export function relu6(input: Tensor, { inplace = false }: InplaceOption = {}): Tensor {
  return inplace ? F.relu6_(input) : F.relu6(input);
}

/** `x` above 0, `slope x` below. */
export function leakyRelu(
  input: Tensor,
  negativeSlope: OrNamed<'negativeSlope', InplaceOption> = 0.01,
  { inplace = false }: InplaceOption = {},
): Tensor {
  if (typeof negativeSlope !== 'number') return leakyRelu(input, negativeSlope.negativeSlope, negativeSlope);
  return inplace ? F.leakyRelu_(input, negativeSlope) : F.leakyRelu(input, negativeSlope);
}

/**
 * `x` above 0, `weight x` below.
 *
 * @param weight `[]`, `[1]`, or `[C]` for an input `[N, C, *]`
 */
export function prelu(input: Tensor, weight: Tensor): Tensor {
  return F.prelu(input, weight);
}

export interface RReLUOptions extends InplaceOption {
  readonly training?: boolean;
}

/** A leaky ReLU whose slope is drawn from U(lower, upper) in training and is their mean otherwise. */
export function rrelu(
  input: Tensor,
  lower: OrNamed<'lower' | 'upper', RReLUOptions> = 1 / 8,
  upper = 1 / 3,
  { training = false, inplace = false }: RReLUOptions = {},
): Tensor {
  if (typeof lower !== 'number') return rrelu(input, lower.lower, lower.upper, lower);
  return inplace ? F.rrelu_(input, lower, upper, training) : F.rrelu(input, lower, upper, training);
}

/** `x` above 0, `alpha (exp(x) - 1)` below. */
export function elu(
  input: Tensor,
  alpha: OrNamed<'alpha', InplaceOption> = 1,
  { inplace = false }: InplaceOption = {},
): Tensor {
  if (typeof alpha !== 'number') return elu(input, alpha.alpha, alpha);
  return inplace ? F.elu_(input, alpha) : F.elu(input, alpha);
}

/** A scaled ELU that keeps mean 0 and variance 1; Klambauer et al., 2017. */
export function selu(input: Tensor, { inplace = false }: InplaceOption = {}): Tensor {
  return inplace ? F.selu_(input) : F.selu(input);
}

/** `max(0, x) + min(0, alpha (exp(x / alpha) - 1))` */
export function celu(
  input: Tensor,
  alpha: OrNamed<'alpha', InplaceOption> = 1,
  { inplace = false }: InplaceOption = {},
): Tensor {
  if (typeof alpha !== 'number') return celu(input, alpha.alpha, alpha);
  return inplace ? F.celu_(input, alpha) : F.celu(input, alpha);
}

/** `x Φ(x)`, or its approximation by tanh. */
export function gelu(
  input: Tensor,
  { approximate = 'none' }: { readonly approximate?: 'none' | 'tanh' } = {},
): Tensor {
  return F.gelu(input, { approximate });
}

/** `x σ(x)` */
export function silu(input: Tensor, { inplace = false }: InplaceOption = {}): Tensor {
  return inplace ? F.silu_(input) : F.silu(input);
}

/** `x tanh(softplus(x))` */
export function mish(input: Tensor, { inplace = false }: InplaceOption = {}): Tensor {
  return inplace ? F.mish_(input) : F.mish(input);
}

/** `1 / (1 + exp(-x))` */
export function sigmoid(input: Tensor): Tensor {
  return input.sigmoid();
}

/** `tanh(x)` */
export function tanh(input: Tensor): Tensor {
  return input.tanh();
}

/** `log(1 + exp(beta x)) / beta`, and `x` itself where `beta x` is over the threshold. */
export function softplus(input: Tensor, beta: OrNamed<'beta' | 'threshold'> = 1, threshold = 20): Tensor {
  if (typeof beta !== 'number') return softplus(input, beta.beta, beta.threshold);
  return F.softplus(input, beta, threshold);
}

/** `x / (1 + |x|)` */
export function softsign(input: Tensor): Tensor {
  return input.div(input.abs().add(1));
}

/** `x - tanh(x)` */
export function tanhshrink(input: Tensor): Tensor {
  return input.sub(input.tanh());
}

/** `x` bent to stay between two values. */
export function hardtanh(
  input: Tensor,
  minVal: OrNamed<'minVal' | 'maxVal', InplaceOption> = -1,
  maxVal = 1,
  { inplace = false }: InplaceOption = {},
): Tensor {
  if (typeof minVal !== 'number') return hardtanh(input, minVal.minVal, minVal.maxVal, minVal);
  if (!(minVal <= maxVal)) throw expected(`at most maxVal = ${maxVal}`, 'minVal', minVal);
  return inplace ? F.hardtanh_(input, minVal, maxVal) : F.hardtanh(input, minVal, maxVal);
}

/** `min(max(0, x / 6 + 1 / 2), 1)` */
export function hardsigmoid(input: Tensor, { inplace = false }: InplaceOption = {}): Tensor {
  return inplace ? F.hardsigmoid_(input) : F.hardsigmoid(input);
}

/** `x hardsigmoid(x)` */
export function hardswish(input: Tensor, { inplace = false }: InplaceOption = {}): Tensor {
  return inplace ? F.hardswish_(input) : F.hardswish(input);
}

/** `a σ(b)` for the halves `a`, `b` of `dim`: `[*, 2n, *]` gives `[*, n, *]`. */
export function glu(input: Tensor, dim = -1): Tensor {
  return F.glu(input, dim);
}

/** `log σ(x)` */
export function logsigmoid(input: Tensor): Tensor {
  return F.logSigmoid(input);
}

/** `x` over the threshold, `value` elsewhere. */
export function threshold(
  input: Tensor,
  at: number,
  value: number,
  { inplace = false }: InplaceOption = {},
): Tensor {
  return inplace ? F.threshold_(input, at, value) : F.threshold(input, at, value);
}

/** `x - lambd` over `lambd`, `x + lambd` under `-lambd`, 0 between. */
export function softshrink(input: Tensor, lambd: OrNamed<'lambd'> = 0.5): Tensor {
  if (typeof lambd !== 'number') return softshrink(input, lambd.lambd);
  return F.softshrink(input, lambd);
}

/** `x` over `lambd` and under `-lambd`, 0 between. */
export function hardshrink(input: Tensor, lambd: OrNamed<'lambd'> = 0.5): Tensor {
  if (typeof lambd !== 'number') return hardshrink(input, lambd.lambd);
  return F.hardshrink(input, lambd);
}

/** `exp(x) / Σ exp(x)` along `dim`. */
export function softmax(input: Tensor, dim: number, { dtype }: SoftmaxOptions = {}): Tensor {
  return input.softmax(dim, { dtype });
}

/** The softmax of `-x` along `dim`. */
export function softmin(input: Tensor, dim: number, { dtype }: SoftmaxOptions = {}): Tensor {
  return input.neg().softmax(dim, { dtype });
}

/** The logarithm of the softmax along `dim`, computed stably. */
export function logSoftmax(input: Tensor, dim: number, { dtype }: SoftmaxOptions = {}): Tensor {
  return input.logSoftmax(dim, { dtype });
}

/**
 * A sample of the Gumbel-softmax distribution along `dim`; Jang et al., 2016.
 *
 * @param options `tau` (1): temperature; `hard` (false): one-hot forward, soft gradient; `dim` (-1)
 */
export function gumbelSoftmax(
  logits: Tensor,
  {
    tau = 1,
    hard = false,
    dim = -1,
  }: { readonly tau?: number; readonly hard?: boolean; readonly dim?: number } = {},
): Tensor {
  const gumbels = F.emptyLike(logits).exponential_().log().neg();
  const soft = logits.add(gumbels).div(tau).softmax(dim);
  if (!hard) return soft;
  const [, index] = soft.max(dim, { keepdim: true });
  return F.zerosLike(logits).scatter_(dim, index, 1).sub(soft.detach()).add(soft);
}
