/**
 * The model: one table of embeddings for the words and pieces of words of queries and documents alike.
 */
import type { InitializableModel } from 'xpmir';
import * as torch from 'xpmir/torch';
import { hashedFeatures } from './text.ts';

const { EmbeddingBag, functional, init, Module, Parameter } = torch.nn;

export interface EncoderOptions {
  /** Rows of the table. */
  readonly buckets: number;
  /** Numbers in a vector. */
  readonly dim: number;
}

/** Texts as hashed features. */
export type Features = readonly Int32Array[];

export class DualEncoder extends Module implements InitializableModel {
  readonly options: EncoderOptions;
  readonly bag: InstanceType<typeof EmbeddingBag>;
  /** Logarithm of what cosines are multiplied by in the loss. */
  readonly logScale = new Parameter(torch.scalarTensor(Math.log(10)));

  constructor(options: EncoderOptions) {
    super();
    this.options = options;
    this.bag = new EmbeddingBag(options.buckets, options.dim, { mode: 'mean' });
  }

  initialize(): void {
    init.normal_(this.bag.weight, 0, this.options.dim ** -0.5);
  }

  features(text: string): Int32Array {
    return hashedFeatures(text, this.options.buckets);
  }

  /** One vector of length 1 for each text: `[B, D]`. */
  forward(texts: Features): torch.Tensor {
    const offsets = new Int32Array(texts.length);
    let total = 0;
    for (const [i, text] of texts.entries()) {
      offsets[i] = total;
      total += text.length;
    }
    const all = new Int32Array(total);
    for (const [i, text] of texts.entries()) all.set(text, offsets[i]);
    return functional.normalize(this.bag.forward(torch.fromTypedArray(all), torch.fromTypedArray(offsets)));
  }

  /** The vectors of many texts, `[N, D]`, made in pieces and without a graph. */
  encode(texts: Features, pieceSize = 1024): torch.Tensor {
    return torch.tidy(() =>
      torch.noGrad(() => {
        const pieces: torch.Tensor[] = [];
        for (let i = 0; i < texts.length; i += pieceSize)
          pieces.push(this.forward(texts.slice(i, i + pieceSize)));
        return torch.cat(pieces, 0);
      }),
    );
  }
}
