import type { Tensor } from '../../tensor.ts';
import * as functional from '../functional/activation.ts';
import { Module } from '../module.ts';
import { withDefaults } from '../options.ts';

/**
 * Activations without numbers: `[*]` to `[*]`, elementwise. What each computes is said at the function of its name in
 * `functional/activation.ts`.
 */

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

export class ReLU extends InplaceActivation {
  forward(input: Tensor): Tensor {
    return functional.relu(input, this);
  }
}

export class ReLU6 extends InplaceActivation {
  forward(input: Tensor): Tensor {
    return functional.hardtanh(input, 0, 6, this);
  }
}

export class SELU extends InplaceActivation {
  forward(input: Tensor): Tensor {
    return functional.selu(input, this);
  }
}

export class SiLU extends InplaceActivation {
  forward(input: Tensor): Tensor {
    return functional.silu(input, this);
  }
}

export class Mish extends InplaceActivation {
  forward(input: Tensor): Tensor {
    return functional.mish(input, this);
  }
}

export class Hardswish extends InplaceActivation {
  forward(input: Tensor): Tensor {
    return functional.hardswish(input, this);
  }

  override extraRepr(): string {
    return '';
  }
}

export class Hardsigmoid extends InplaceActivation {
  forward(input: Tensor): Tensor {
    return functional.hardsigmoid(input, this);
  }

  override extraRepr(): string {
    return '';
  }
}

export class Sigmoid extends Module {
  forward(input: Tensor): Tensor {
    return functional.sigmoid(input);
  }
}

export class Tanh extends Module {
  forward(input: Tensor): Tensor {
    return functional.tanh(input);
  }
}

export class LogSigmoid extends Module {
  forward(input: Tensor): Tensor {
    return functional.logsigmoid(input);
  }
}

export class Softsign extends Module {
  forward(input: Tensor): Tensor {
    return functional.softsign(input);
  }
}

export class Tanhshrink extends Module {
  forward(input: Tensor): Tensor {
    return functional.tanhshrink(input);
  }
}

/** `approximate`: 'none', the default, or 'tanh'. */
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
