import type { Tensor } from '../../tensor.ts';
import * as functional from '../functional/activation.ts';
import { Module } from '../module.ts';
import { withDefaults } from '../options.ts';

/** Activations without numbers, elementwise. */

const DEFAULTS = { inplace: false };

/** An activation that can write into its input. */
export abstract class InplaceActivation extends Module {
  readonly inplace: boolean;

  constructor(options: functional.InplaceOption = {}) {
    super();
    this.inplace = withDefaults(new.target.name, DEFAULTS, options).inplace;
  }

  abstract override forward(input: Tensor): Tensor;

  override extraRepr(): string {
    return this.inplace ? 'inplace=True' : '';
  }
}

/** `max(0, x)`. `[*]` to `[*]`. */
export class ReLU extends InplaceActivation {
  forward(input: Tensor): Tensor {
    return functional.relu(input, this);
  }
}

/** `min(max(0, x), 6)`. `[*]` to `[*]`. */
export class ReLU6 extends InplaceActivation {
  forward(input: Tensor): Tensor {
    return functional.hardtanh(input, 0, 6, this);
  }
}

/** A scaled ELU that keeps mean 0 and variance 1; Klambauer et al., 2017. `[*]` to `[*]`. */
export class SELU extends InplaceActivation {
  forward(input: Tensor): Tensor {
    return functional.selu(input, this);
  }
}

/** `x σ(x)`. `[*]` to `[*]`. */
export class SiLU extends InplaceActivation {
  forward(input: Tensor): Tensor {
    return functional.silu(input, this);
  }
}

/** `x tanh(softplus(x))`; Misra, 2019. `[*]` to `[*]`. */
export class Mish extends InplaceActivation {
  forward(input: Tensor): Tensor {
    return functional.mish(input, this);
  }
}

/** `x hardsigmoid(x)`. `[*]` to `[*]`. */
export class Hardswish extends InplaceActivation {
  forward(input: Tensor): Tensor {
    return functional.hardswish(input, this);
  }

  override extraRepr(): string {
    return '';
  }
}

/** `min(max(0, x / 6 + 1 / 2), 1)`. `[*]` to `[*]`. */
export class Hardsigmoid extends InplaceActivation {
  forward(input: Tensor): Tensor {
    return functional.hardsigmoid(input, this);
  }

  override extraRepr(): string {
    return '';
  }
}

/** `1 / (1 + exp(-x))`. `[*]` to `[*]`. */
export class Sigmoid extends Module {
  forward(input: Tensor): Tensor {
    return functional.sigmoid(input);
  }
}

/** `tanh(x)`. `[*]` to `[*]`. */
export class Tanh extends Module {
  forward(input: Tensor): Tensor {
    return functional.tanh(input);
  }
}

/** `log σ(x)`. `[*]` to `[*]`. */
export class LogSigmoid extends Module {
  forward(input: Tensor): Tensor {
    return functional.logsigmoid(input);
  }
}

/** `x / (1 + |x|)`. `[*]` to `[*]`. */
export class Softsign extends Module {
  forward(input: Tensor): Tensor {
    return functional.softsign(input);
  }
}

/** `x - tanh(x)`. `[*]` to `[*]`. */
export class Tanhshrink extends Module {
  forward(input: Tensor): Tensor {
    return functional.tanhshrink(input);
  }
}

/** `x Φ(x)`, or its approximation by tanh with `approximate: 'tanh'`. `[*]` to `[*]`. */
export class GELU extends Module {
  readonly approximate: 'none' | 'tanh';

  constructor(options: { readonly approximate?: 'none' | 'tanh' } = {}) {
    super();
    this.approximate = withDefaults('GELU', { approximate: 'none' }, options).approximate as 'none' | 'tanh';
  }

  forward(input: Tensor): Tensor {
    return functional.gelu(input, this);
  }

  override extraRepr(): string {
    return `approximate='${this.approximate}'`;
  }
}
