/** Linear layers by oneDNN, for inference; what PyTorch has in `torch.utils.mkldnn`. */
import { ArgumentError, expected } from '../../errors.ts';
import { isGradEnabled, noGrad } from '../modes.ts';
import { ops, type UntypedOperators } from '../ops.ts';
import { tidy } from '../scope.ts';
import type { Tensor } from '../tensor.ts';
import { deepcopy } from './deepcopy.ts';
import { Linear } from './layers/linear.ts';
import { Module } from './module.ts';
import { bool } from './python.ts';

const { _linear_pointwise: linearPointwise, _reorder_linear_weight: reordered } =
  ops.mkldnn as UntypedOperators;

/**
 * `y = x Wᵀ + b` by oneDNN, with the weight in the order that its kernels read. Input `[*, in]`, output `[*, out]`. Values differ
 * from those of `Linear` by rounding, and have no gradients.
 */
export class MkldnnLinear extends Module {
  readonly inFeatures: number;
  readonly outFeatures: number;
  weight: Tensor;
  bias: Tensor | null;

  /** @param dense of float32 on the CPU; its values are copied */
  constructor(dense: Linear) {
    super();
    if (!(dense instanceof Linear)) throw expected('a Linear', 'dense', dense);
    const { weight, bias } = dense;
    if (weight.dtype !== 'float32' || weight.device !== 'cpu')
      throw expected('float32 on the CPU', 'weight', `${weight.dtype} on ${weight.device}`);
    this.inFeatures = dense.inFeatures;
    this.outFeatures = dense.outFeatures;
    const [packed, own] = tidy(() =>
      noGrad(() => [reordered!(weight.detach(), null) as Tensor, bias?.detach().clone() ?? null] as const),
    );
    this.weight = this.registerBuffer('weight', packed);
    this.bias = this.registerBuffer('bias', own);
  }

  /** @throws ArgumentError for an input that needs a gradient, outside `noGrad` and `inferenceMode` */
  forward(input: Tensor): Tensor {
    if (isGradEnabled() && input.requiresGrad)
      throw new ArgumentError(
        'Expected an input that needs no gradient for MkldnnLinear: call it in torch.noGrad',
      );
    return linearPointwise!(input, this.weight, this.bias, 'none', [], '') as Tensor;
  }

  override extraRepr(): string {
    return `in_features=${this.inFeatures}, out_features=${this.outFeatures}, bias=${bool(this.bias !== null)}`;
  }
}

/**
 * A copy of a module for inference on the CPU, whose `Linear` layers are computed by oneDNN. Faster on
 * some processors, such as AMD's; measure it.
 *
 * @throws ArgumentError for layers that are not of float32 on the CPU
 */
export function toMkldnn<T extends Module>(module: T): T {
  if (!(module instanceof Module)) throw expected('a Module', 'module', module);
  const layers = module.modules().filter((each) => each.constructor === Linear) as Linear[];
  const copy = deepcopy(module, new Map(layers.map((layer) => [layer, new MkldnnLinear(layer)])));
  return copy.eval().requiresGrad_(false);
}
