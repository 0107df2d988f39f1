import { expected } from '../../../errors.ts';
import { ops } from '../../ops.ts';
import type { Tensor } from '../../tensor.ts';
import { withDefaults } from '../options.ts';
import type { PackedSequence } from '../packed.ts';
import { RECURRENT, Recurrent, type RecurrentCall, type RecurrentOptions } from './recurrent.ts';

// Shapes: T steps, N batch, I input size, H hidden size (the projection's where there is one), D directions, L layers.
// Inputs are [T, N, I] ([N, T, I] with batchFirst, [T, I] without a batch) or packed; outputs have D H instead of I.

export interface RNNOptions extends RecurrentOptions {
  /** 'tanh' unless told otherwise. */
  readonly nonlinearity?: 'tanh' | 'relu';
}

export interface LSTMOptions extends RecurrentOptions {
  /** Project each output to this size; 0, the default, does not. */
  readonly projSize?: number;
}

/** `h' = tanh(W_ih x + b_ih + W_hh h + b_hh)`, or with relu. */
export class RNN extends Recurrent {
  readonly nonlinearity: 'tanh' | 'relu';

  constructor(inputSize: number, hiddenSize: number, options: RNNOptions = {}) {
    const defaults = { ...RECURRENT, nonlinearity: 'tanh' as 'tanh' | 'relu' };
    const { nonlinearity, ...shared } = withDefaults('RNN', defaults, options);
    if (nonlinearity !== 'tanh' && nonlinearity !== 'relu')
      throw expected("'tanh' or 'relu'", 'nonlinearity', nonlinearity);
    super({ gates: 1, states: 1 }, inputSize, hiddenSize, shared);
    this.nonlinearity = nonlinearity;
  }

  /**
   * @param state `[L D, N, H]`, or `[L D, H]` without a batch; zeros unless given
   * @returns the last layer's output at every step, and the last state of every layer
   */
  forward<S extends Tensor | PackedSequence>(
    input: S,
    state: Tensor | null = null,
  ): [output: S, state: Tensor] {
    const [output, [last]] = this.run(input, state && [state]);
    return [output, last!];
  }

  protected call(input: Tensor, { batchSizes, state, weights }: RecurrentCall): readonly Tensor[] {
    const operator = this.nonlinearity === 'tanh' ? ops.aten.rnn_tanh : ops.aten.rnn_relu;
    const { bias, numLayers, dropout, training, bidirectional, batchFirst } = this;
    const how = [weights, bias, numLayers, dropout, training, bidirectional];
    if (batchSizes === null) return operator.input(input, state[0], ...how, batchFirst);
    return operator.data(input, batchSizes, state[0], ...how);
  }
}

/** Gated recurrent units; Cho et al., 2014. */
export class GRU extends Recurrent {
  constructor(inputSize: number, hiddenSize: number, options: RecurrentOptions = {}) {
    super({ gates: 3, states: 1 }, inputSize, hiddenSize, withDefaults('GRU', RECURRENT, options));
  }

  /**
   * @param state `[L D, N, H]`, or `[L D, H]` without a batch; zeros unless given
   * @returns the last layer's output at every step, and the last state of every layer
   */
  forward<S extends Tensor | PackedSequence>(
    input: S,
    state: Tensor | null = null,
  ): [output: S, state: Tensor] {
    const [output, [last]] = this.run(input, state && [state]);
    return [output, last!];
  }

  protected call(input: Tensor, { batchSizes, state, weights }: RecurrentCall): readonly Tensor[] {
    const { bias, numLayers, dropout, training, bidirectional, batchFirst } = this;
    const how = [weights, bias, numLayers, dropout, training, bidirectional];
    if (batchSizes === null) return ops.aten.gru.input(input, state[0], ...how, batchFirst);
    return ops.aten.gru.data(input, batchSizes, state[0], ...how);
  }
}

/** Long short-term memory; Hochreiter and Schmidhuber, 1997. */
export class LSTM extends Recurrent {
  constructor(inputSize: number, hiddenSize: number, options: LSTMOptions = {}) {
    const { projSize, ...shared } = withDefaults('LSTM', { ...RECURRENT, projSize: 0 }, options);
    super({ gates: 4, states: 2, projSize }, inputSize, hiddenSize, shared);
  }

  /**
   * @param state hidden `[L D, N, H]` and cell `[L D, N, hiddenSize]`, without N when there is no batch; zeros unless given
   * @returns the last layer's output at every step, and the last state of every layer
   */
  forward<S extends Tensor | PackedSequence>(
    input: S,
    state: readonly [hidden: Tensor, cell: Tensor] | null = null,
  ): [output: S, state: [hidden: Tensor, cell: Tensor]] {
    const [output, last] = this.run(input, state);
    return [output, last as [Tensor, Tensor]];
  }

  protected call(input: Tensor, { batchSizes, state, weights }: RecurrentCall): readonly Tensor[] {
    const { bias, numLayers, dropout, training, bidirectional, batchFirst } = this;
    const how = [weights, bias, numLayers, dropout, training, bidirectional];
    if (batchSizes === null) return ops.aten.lstm.input(input, state, ...how, batchFirst);
    return ops.aten.lstm.data(input, batchSizes, state, ...how);
  }
}
