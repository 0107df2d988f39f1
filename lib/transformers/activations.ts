/** Activations under the names that configurations give them. Elementwise, `[*]` to `[*]`. */
import { gelu, mish, relu, sigmoid, silu, tanh } from '../torch/nn/functional/activation.ts';
import type { Tensor } from '../torch/tensor.ts';

export type ActivationFunction = (input: Tensor) => Tensor;

/** Approximations by tanh differ in the order of their operations, and so in their last bits. */
const ACTIVATIONS = {
  gelu: (input) => gelu(input),
  gelu_python: (input) => input.mul(0.5).mul(input.div(Math.SQRT2).erf().add(1)),
  gelu_new: (input) =>
    input.mul(0.5).mul(
      input
        .add(input.pow(3).mul(0.044715))
        .mul(Math.sqrt(2 / Math.PI))
        .tanh()
        .add(1),
    ),
  gelu_fast: (input) =>
    input.mul(0.5).mul(input.mul(0.7978845608).mul(input.mul(0.044715).mul(input).add(1)).tanh().add(1)),
  gelu_pytorch_tanh: (input) => gelu(input, { approximate: 'tanh' }),
  quick_gelu: (input) => input.mul(input.mul(1.702).sigmoid()),
  relu: (input) => relu(input),
  silu,
  swish: silu,
  mish: (input) => mish(input),
  tanh,
  sigmoid,
  linear: (input) => input,
} as const satisfies Readonly<Record<string, ActivationFunction>>;

export type ActivationName = keyof typeof ACTIVATIONS;

export function isActivation(name: unknown): name is ActivationName {
  return typeof name === 'string' && Object.hasOwn(ACTIVATIONS, name);
}

export function activationOf(name: ActivationName): ActivationFunction {
  return ACTIVATIONS[name];
}
