import { expected } from '../../../errors.ts';
import { F } from '../../functions.ts';
import type { Tensor } from '../../tensor.ts';
import { uniform_ } from '../init/draw.ts';
import { Module } from '../module.ts';
import { checkSizes, FACTORY, type FactoryOptions, withDefaults } from '../options.ts';
import { emptyParameter, type Parameter } from '../parameter.ts';

/** One step of one recurrent layer: input `[N, I]`, state `[N, H]`, or both without N. */

export interface CellOptions extends FactoryOptions {
  /** Whether to learn biases (true). */
  readonly bias?: boolean;
}

export interface RNNCellOptions extends CellOptions {
  /** 'tanh' unless told otherwise. */
  readonly nonlinearity?: 'tanh' | 'relu';
}

const DEFAULTS = { bias: true, ...FACTORY };

/** What the cells share: weights `[gates H, I]` and `[gates H, H]`, biases `[gates H]`. */
abstract class Cell extends Module {
  readonly inputSize: number;
  readonly hiddenSize: number;
  readonly bias: boolean;
  weight_ih: Parameter;
  weight_hh: Parameter;
  bias_ih: Parameter | null;
  bias_hh: Parameter | null;

  constructor(gates: number, inputSize: number, hiddenSize: number, options: typeof DEFAULTS) {
    super();
    const { bias, ...factory } = options;
    checkSizes({ inputSize, hiddenSize });
    this.inputSize = inputSize;
    this.hiddenSize = hiddenSize;
    this.bias = bias;
    this.weight_ih = emptyParameter([gates * hiddenSize, inputSize], factory);
    this.weight_hh = emptyParameter([gates * hiddenSize, hiddenSize], factory);
    this.bias_ih = bias ? emptyParameter([gates * hiddenSize], factory) : null;
    this.bias_hh = bias ? emptyParameter([gates * hiddenSize], factory) : null;
    this.resetParameters();
  }

  /** Draws every parameter from U(-1 / √hiddenSize, 1 / √hiddenSize). */
  resetParameters(): void {
    const bound = this.hiddenSize > 0 ? 1 / Math.sqrt(this.hiddenSize) : 0;
    for (const parameter of this.parameters()) uniform_(parameter, -bound, bound);
  }

  /** Runs `step` on an input with a batch; the state is zeros unless given. */
  protected run(
    input: Tensor,
    given: readonly Tensor[] | null,
    step: (input: Tensor, state: readonly Tensor[]) => readonly Tensor[],
  ): Tensor[] {
    for (const one of [input, ...(given ?? [])]) {
      if (one.ndim !== 1 && one.ndim !== 2) throw expected('1 or 2 dimensions', 'input and state', one.shape);
    }
    const isBatched = input.ndim === 2;
    const batch = isBatched ? input : input.unsqueeze(0);
    const { dtype, device } = input;
    const zeros = given === null ? F.zeros([batch.shape[0]!, this.hiddenSize], { dtype, device }) : null;
    const state =
      given === null ? [zeros!, zeros!] : isBatched ? given : given.map((one) => one.unsqueeze(0));
    const next = step(batch, state);
    return isBatched ? [...next] : next.map((one) => one.squeeze(0));
  }

  override extraRepr(): string {
    const sizes = `${this.inputSize}, ${this.hiddenSize}`;
    return this.bias ? sizes : `${sizes}, bias=False`;
  }
}

/** `h' = tanh(W_ih x + b_ih + W_hh h + b_hh)`, or with relu. */
export class RNNCell extends Cell {
  readonly nonlinearity: 'tanh' | 'relu';

  constructor(inputSize: number, hiddenSize: number, options: RNNCellOptions = {}) {
    const defaults = { ...DEFAULTS, nonlinearity: 'tanh' as 'tanh' | 'relu' };
    const { nonlinearity, ...shared } = withDefaults('RNNCell', defaults, options);
    if (nonlinearity !== 'tanh' && nonlinearity !== 'relu')
      throw expected("'tanh' or 'relu'", 'nonlinearity', nonlinearity);
    super(1, inputSize, hiddenSize, shared);
    this.nonlinearity = nonlinearity;
  }

  forward(input: Tensor, state: Tensor | null = null): Tensor {
    const operator = this.nonlinearity === 'tanh' ? F.rnnTanhCell : F.rnnReluCell;
    const [next] = this.run(input, state && [state], (x, [h]) => [
      operator(x, h!, this.weight_ih, this.weight_hh, this.bias_ih, this.bias_hh),
    ]);
    return next!;
  }

  override extraRepr(): string {
    const shown = super.extraRepr();
    return this.nonlinearity === 'tanh' ? shown : `${shown}, nonlinearity=${this.nonlinearity}`;
  }
}

/** One step of a GRU. */
export class GRUCell extends Cell {
  constructor(inputSize: number, hiddenSize: number, options: CellOptions = {}) {
    super(3, inputSize, hiddenSize, withDefaults('GRUCell', DEFAULTS, options));
  }

  forward(input: Tensor, state: Tensor | null = null): Tensor {
    const [next] = this.run(input, state && [state], (x, [h]) => [
      F.gruCell(x, h!, this.weight_ih, this.weight_hh, this.bias_ih, this.bias_hh),
    ]);
    return next!;
  }
}

/** One step of an LSTM; its state is the hidden vector and the cell. */
export class LSTMCell extends Cell {
  constructor(inputSize: number, hiddenSize: number, options: CellOptions = {}) {
    super(4, inputSize, hiddenSize, withDefaults('LSTMCell', DEFAULTS, options));
  }

  forward(
    input: Tensor,
    state: readonly [hidden: Tensor, cell: Tensor] | null = null,
  ): [hidden: Tensor, cell: Tensor] {
    const next = this.run(input, state, (x, [h, c]) =>
      F.lstmCell(x, [h!, c!], this.weight_ih, this.weight_hh, this.bias_ih, this.bias_hh),
    );
    return next as [Tensor, Tensor];
  }
}
