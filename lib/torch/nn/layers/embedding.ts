import { expected } from '../../../errors.ts';
import { noGrad } from '../../modes.ts';
import { tidy } from '../../scope.ts';
import type { Tensor } from '../../tensor.ts';
import * as functional from '../functional/embedding.ts';
import { normal_ } from '../init/draw.ts';
import { Module } from '../module.ts';
import { checkSizes, FACTORY, type FactoryOptions, withDefaults } from '../options.ts';
import { emptyParameter, Parameter } from '../parameter.ts';
import { bool, float } from '../python.ts';

/** See `functional.embedding` for what the options mean. */
export interface EmbeddingOptions extends functional.EmbeddingOptions, FactoryOptions {
  /** Rows to start from, `[numEmbeddings, embeddingDim]`, shared and not copied. */
  readonly weight?: Tensor | null;
}

/** See `functional.embeddingBag` for what the options mean. */
export interface EmbeddingBagOptions extends EmbeddingOptions {
  readonly mode?: functional.BagMode;
  readonly includeLastOffset?: boolean;
}

type Pretrained<O> = Omit<O, 'weight' | keyof FactoryOptions> & { readonly freeze?: boolean };

const DEFAULTS = {
  paddingIdx: null as number | null,
  maxNorm: null as number | null,
  normType: 2,
  scaleGradByFreq: false,
  sparse: false,
  weight: null as Tensor | null,
  ...FACTORY,
};
const BAG_DEFAULTS = { ...DEFAULTS, mode: 'mean' as functional.BagMode, includeLastOffset: false };

/** A table of rows drawn from N(0, 1), the row of the padding index being zero; what both embeddings share. */
abstract class Table extends Module {
  readonly numEmbeddings: number;
  readonly embeddingDim: number;
  readonly paddingIdx: number | null;
  readonly maxNorm: number | null;
  readonly normType: number;
  readonly scaleGradByFreq: boolean;
  readonly sparse: boolean;
  weight: Parameter;

  constructor(numEmbeddings: number, embeddingDim: number, options: typeof DEFAULTS) {
    super();
    const { paddingIdx, weight, dtype, device } = options;
    checkSizes({ numEmbeddings, embeddingDim });
    this.numEmbeddings = numEmbeddings;
    this.embeddingDim = embeddingDim;
    this.paddingIdx = paddingIdx === null ? null : functional.rowIndex(paddingIdx, numEmbeddings);
    this.maxNorm = options.maxNorm;
    this.normType = options.normType;
    this.scaleGradByFreq = options.scaleGradByFreq;
    this.sparse = options.sparse;
    if (weight !== null && weight.shape.join() !== `${numEmbeddings},${embeddingDim}`) {
      throw expected(`a shape [${numEmbeddings}, ${embeddingDim}]`, 'weight', weight.shape);
    }
    this.weight =
      weight === null
        ? emptyParameter([numEmbeddings, embeddingDim], { dtype, device })
        : new Parameter(weight);
    if (weight === null) this.resetParameters();
  }

  resetParameters(): void {
    normal_(this.weight);
    const { paddingIdx } = this;
    if (paddingIdx !== null) tidy(() => noGrad(() => this.weight.select(0, paddingIdx).zero_()));
  }

  /** The options that both print, and print alike. */
  protected reprNorm(): string[] {
    const shown = [`${this.numEmbeddings}`, `${this.embeddingDim}`];
    if (this.maxNorm !== null) shown.push(`max_norm=${float(this.maxNorm)}`);
    if (this.normType !== 2) shown.push(`norm_type=${float(this.normType)}`);
    if (this.scaleGradByFreq) shown.push(`scale_grad_by_freq=${bool(true)}`);
    return shown;
  }
}

/** Looks rows up. Input integers `[*]`, output `[*, embeddingDim]`, weight `[numEmbeddings, embeddingDim]`. */
export class Embedding extends Table {
  constructor(numEmbeddings: number, embeddingDim: number, options: EmbeddingOptions = {}) {
    super(numEmbeddings, embeddingDim, withDefaults('Embedding', DEFAULTS, options));
  }

  /** A layer that starts from `rows`, `[n, d]`, and does not train them unless `freeze` is false. */
  static fromPretrained(
    rows: Tensor,
    { freeze = true, ...options }: Pretrained<EmbeddingOptions> = {},
  ): Embedding {
    const [count, width] = matrix(rows);
    const layer = new Embedding(count, width, { ...options, weight: rows });
    layer.weight.requiresGrad = !freeze;
    return layer;
  }

  forward(input: Tensor): Tensor {
    return functional.embedding(input, this.weight, this);
  }

  override extraRepr(): string {
    const [count, width, ...norm] = this.reprNorm();
    const padding = this.paddingIdx === null ? [] : [`padding_idx=${this.paddingIdx}`];
    return [count, width, ...padding, ...norm, ...(this.sparse ? ['sparse=True'] : [])].join(', ');
  }
}

/**
 * Sums, means or maxima of bags of rows. Input integers `[B, L]`, or `[n]` with offsets `[B]`; output
 * `[B, embeddingDim]`, weight `[numEmbeddings, embeddingDim]`.
 */
export class EmbeddingBag extends Table {
  readonly mode: functional.BagMode;
  readonly includeLastOffset: boolean;

  constructor(numEmbeddings: number, embeddingDim: number, options: EmbeddingBagOptions = {}) {
    const { mode, includeLastOffset, ...table } = withDefaults('EmbeddingBag', BAG_DEFAULTS, options);
    super(numEmbeddings, embeddingDim, table);
    this.mode = mode;
    this.includeLastOffset = includeLastOffset;
  }

  /** A layer that starts from `rows`, `[n, d]`, and does not train them unless `freeze` is false. */
  static fromPretrained(
    rows: Tensor,
    { freeze = true, ...options }: Pretrained<EmbeddingBagOptions> = {},
  ): EmbeddingBag {
    const [count, width] = matrix(rows);
    const layer = new EmbeddingBag(count, width, { ...options, weight: rows });
    layer.weight.requiresGrad = !freeze;
    return layer;
  }

  forward(input: Tensor, offsets: Tensor | null = null, perSampleWeights: Tensor | null = null): Tensor {
    const { mode, includeLastOffset } = this;
    const { paddingIdx, maxNorm, normType, scaleGradByFreq, sparse } = this;
    return functional.embeddingBag(input, this.weight, {
      ...{ paddingIdx, maxNorm, normType, scaleGradByFreq, sparse },
      ...{ mode, includeLastOffset, perSampleWeights, offsets },
    });
  }

  override extraRepr(): string {
    const padding = this.paddingIdx === null ? [] : [`padding_idx=${this.paddingIdx}`];
    return [...this.reprNorm(), `mode='${this.mode}'`, ...padding].join(', ');
  }
}

function matrix(rows: Tensor): [number, number] {
  const [count, width, ...more] = rows.shape;
  if (count === undefined || width === undefined || more.length > 0)
    throw expected('a tensor [n, d]', 'rows', rows.shape);
  return [count, width];
}
