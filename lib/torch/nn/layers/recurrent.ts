import { expected } from '../../../errors.ts';
import { F } from '../../functions.ts';
import type { Tensor } from '../../tensor.ts';
import { checkProbability } from '../functional/dropout.ts';
import { uniform_ } from '../init/draw.ts';
import { Module } from '../module.ts';
import { checkSizes, FACTORY, type FactoryOptions } from '../options.ts';
import { PackedSequence } from '../packed.ts';
import { emptyParameter, type Parameter } from '../parameter.ts';
import { bool, float } from '../python.ts';

// Shapes: T steps, N batch, I input size, H hidden size (the projection's where there is one), D directions, L layers.

/** What every recurrent layer takes. */
export interface RecurrentOptions extends FactoryOptions {
  readonly numLayers?: number;
  /** Whether to learn biases (true). */
  readonly bias?: boolean;
  /** Whether the batch is the first dimension (false). */
  readonly batchFirst?: boolean;
  /** Dropout, in training, of every layer's output but the last's (0). */
  readonly dropout?: number;
  readonly bidirectional?: boolean;
}

export const RECURRENT = {
  ...{ numLayers: 1, bias: true, batchFirst: false, dropout: 0, bidirectional: false },
  ...FACTORY,
};

/** What a layer computes a step with: how many vectors of the hidden size, how many of state, and the projection. */
interface Step {
  readonly gates: number;
  readonly states: 1 | 2;
  readonly projSize?: number;
}

/** What the operator of a recurrent layer is called with beside its input. */
export interface RecurrentCall {
  readonly batchSizes: Tensor | null;
  readonly state: readonly Tensor[];
  readonly weights: readonly Tensor[];
}

/**
 * What the recurrent layers share: for each layer and direction the parameters `weight_ih_l0`, `weight_hh_l0`,
 * `bias_ih_l0`, `bias_hh_l0` (and `weight_hr_l0` with a projection), with `_reverse` at the end for the way back.
 */
export abstract class Recurrent extends Module {
  readonly inputSize: number;
  readonly hiddenSize: number;
  readonly numLayers: number;
  readonly bias: boolean;
  readonly batchFirst: boolean;
  readonly dropout: number;
  readonly bidirectional: boolean;
  readonly projSize: number;
  /** The parameters by name, such as `weight_ih_l0`. */
  [weight: `weight_${string}`]: Parameter;
  [bias: `bias_${string}`]: Parameter;
  /** Their names in the order that the operator takes them. */
  protected readonly flatNames: readonly (`weight_${string}` | `bias_${string}`)[];
  protected readonly states: 1 | 2;

  constructor(step: Step, inputSize: number, hiddenSize: number, options: typeof RECURRENT) {
    super();
    const { numLayers, bias, batchFirst, dropout, bidirectional, ...factory } = options;
    const { gates, states, projSize = 0 } = step;
    checkSizes({ inputSize, hiddenSize, numLayers }, 1);
    checkProbability(dropout, 'dropout');
    checkSizes({ projSize });
    if (projSize >= hiddenSize) throw expected('a size below hiddenSize', 'projSize', projSize);
    this.inputSize = inputSize;
    this.hiddenSize = hiddenSize;
    this.numLayers = numLayers;
    this.bias = bias;
    this.batchFirst = batchFirst;
    this.dropout = dropout;
    this.bidirectional = bidirectional;
    this.projSize = projSize;
    this.states = states;
    const output = projSize || hiddenSize;
    const shapes = new Map<`weight_${string}` | `bias_${string}`, number[]>();
    for (let layer = 0; layer < numLayers; layer++) {
      const width = layer === 0 ? inputSize : output * (bidirectional ? 2 : 1);
      for (const place of bidirectional ? [`l${layer}`, `l${layer}_reverse`] : [`l${layer}`]) {
        shapes.set(`weight_ih_${place}`, [gates * hiddenSize, width]);
        shapes.set(`weight_hh_${place}`, [gates * hiddenSize, output]);
        if (bias)
          shapes.set(`bias_ih_${place}`, [gates * hiddenSize]).set(`bias_hh_${place}`, [gates * hiddenSize]);
        if (projSize > 0) shapes.set(`weight_hr_${place}`, [projSize, hiddenSize]);
      }
    }
    for (const [name, shape] of shapes) this.registerParameter(name, emptyParameter(shape, factory));
    this.flatNames = [...shapes.keys()];
    this.resetParameters();
  }

  /** Draws every parameter from U(-1 / √hiddenSize, 1 / √hiddenSize). */
  resetParameters(): void {
    const bound = 1 / Math.sqrt(this.hiddenSize);
    for (const parameter of this.parameters()) uniform_(parameter, -bound, bound);
  }

  /** Calls the operator: the output, then the state. */
  protected abstract call(input: Tensor, call: RecurrentCall): readonly Tensor[];

  /** Runs all steps and layers, for an input with a batch, without one, or packed. */
  protected run<S extends Tensor | PackedSequence>(given: S, state: readonly Tensor[] | null): [S, Tensor[]] {
    const weights = this.flatNames.map((name) => this[name]!);
    if (given instanceof PackedSequence) {
      const { data, batchSizes, sortedIndices, unsortedIndices } = given;
      checkInput(this, data, 2);
      const ordered = state && permute(state, sortedIndices);
      const initial = this.initialState(data, Number(batchSizes.select(0, 0).item()), ordered);
      const [output, ...last] = this.call(data, { batchSizes, state: initial, weights });
      const packed = new PackedSequence(output!, batchSizes, sortedIndices, unsortedIndices);
      return [packed as S, permute(last, unsortedIndices)];
    }
    const sequence = given as Tensor;
    if (sequence.ndim !== 2 && sequence.ndim !== 3)
      throw expected('2 or 3 dimensions', 'input', sequence.shape);
    const isBatched = sequence.ndim === 3;
    const batchDim = this.batchFirst ? 0 : 1;
    const input = isBatched ? sequence : sequence.unsqueeze(batchDim);
    checkInput(this, input, 3);
    const initial = this.initialState(input, input.shape[batchDim]!, isBatched ? state : addBatch(state));
    const [output, ...last] = this.call(input, { batchSizes: null, state: initial, weights });
    if (isBatched) return [output as S, last];
    return [output!.squeeze(batchDim) as S, last.map((one) => one.squeeze(1))];
  }

  /** The given state, checked, or zeros: `[L D, N, H]`, and for the cell `[L D, N, hiddenSize]`. */
  private initialState(input: Tensor, batch: number, given: readonly Tensor[] | null): readonly Tensor[] {
    const layers = this.numLayers * (this.bidirectional ? 2 : 1);
    const { dtype, device } = input;
    const widths = [this.projSize || this.hiddenSize, this.hiddenSize].slice(0, this.states);
    if (given === null) return widths.map((width) => F.zeros([layers, batch, width], { dtype, device }));
    if (given.length !== this.states) throw expected(`${this.states} tensors`, 'state', given);
    given.forEach((one, i) => {
      const wanted = [layers, batch, widths[i]];
      if (one.shape.join() !== wanted.join())
        throw expected(`a shape [${wanted.join(', ')}]`, `state ${i}`, one.shape);
    });
    return given;
  }

  override extraRepr(): string {
    const shown = [`${this.inputSize}, ${this.hiddenSize}`];
    if (this.projSize !== 0) shown.push(`proj_size=${this.projSize}`);
    if (this.numLayers !== 1) shown.push(`num_layers=${this.numLayers}`);
    if (!this.bias) shown.push(`bias=${bool(false)}`);
    if (this.batchFirst) shown.push(`batch_first=${bool(true)}`);
    if (this.dropout !== 0) shown.push(`dropout=${float(this.dropout)}`);
    if (this.bidirectional) shown.push(`bidirectional=${bool(true)}`);
    return shown.join(', ');
  }
}

function permute(state: readonly Tensor[], order: Tensor | null): Tensor[] {
  return order === null ? [...state] : state.map((one) => one.indexSelect(1, order));
}

function addBatch(state: readonly Tensor[] | null): readonly Tensor[] | null {
  return (
    state?.map((one) => {
      if (one.ndim !== 2) throw expected('2 dimensions with an input without batch', 'state', one.shape);
      return one.unsqueeze(1);
    }) ?? null
  );
}

function checkInput({ inputSize }: Recurrent, input: Tensor, ndim: number): void {
  if (input.ndim !== ndim) throw expected(`${ndim} dimensions`, 'input', input.shape);
  if (input.shape.at(-1) !== inputSize)
    throw expected(`a last dimension of inputSize = ${inputSize}`, 'input', input.shape);
}
