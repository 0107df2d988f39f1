/**
 * The model: one table of embeddings for the words and pieces of words of queries and documents alike.
 */
import { Module, ModuleInitMode, type ModuleInitOptions } from 'xpmir';
import { config, int, param } from 'xpmir/experiment';
import * as torch from 'xpmir/torch';
import { hashedFeatures } from './text.ts';

const { EmbeddingBag, functional, init, Parameter } = torch.nn;

export type EncoderOptions = Pick<DualEncoder, 'buckets' | 'dim'>;

/** Texts as hashed features. */
export type Features = readonly Int32Array[];

/** Texts as tensors. */
export interface Bags {
  /** All features, one text behind the other: `[N]`. */
  readonly features: torch.Tensor;
  /** Where each text begins, and behind them what fills up: `[B + 1]`. */
  readonly offsets: torch.Tensor;
}

/** @param multiple the number of features is filled up to a multiple of it, so that shapes come again; default 1 */
export function toBags(texts: Features, multiple = 1): Bags {
  const offsets = new Int32Array(texts.length + 1);
  for (const [i, text] of texts.entries()) offsets[i + 1] = offsets[i]! + text.length;
  const total = offsets[texts.length]!;
  const features = new Int32Array(Math.ceil(total / multiple) * multiple);
  for (const [i, text] of texts.entries()) features.set(text, offsets[i]);
  return { features: torch.fromTypedArray(features), offsets: torch.fromTypedArray(offsets) };
}

export class DualEncoder extends config(
  import.meta,
  'xpmir.examples.jsdoc.DualEncoder',
  {
    /** Rows of the table. */
    buckets: param(int),
    /** Numbers in a vector. */
    dim: param(int),
  },
  Module,
) {
  readonly bag = new EmbeddingBag(this.buckets, this.dim, { mode: 'mean' });
  /** Logarithm of what cosines are multiplied by in the loss. */
  readonly logScale = new Parameter(torch.scalarTensor(Math.log(10)));

  protected override build({ mode }: ModuleInitOptions): void {
    if (mode !== ModuleInitMode.NONE) init.normal_(this.bag.weight, 0, this.dim ** -0.5);
  }

  features(text: string): Int32Array {
    return hashedFeatures(text, this.buckets);
  }

  /** One vector of length 1 for each text: `[B, D]`. */
  forward({ features, offsets }: Bags): torch.Tensor {
    const texts = (offsets.shape[0] as number) - 1;
    return functional.normalize(this.bag.forward(features, offsets).narrow(0, 0, texts));
  }

  /** The vectors of many texts, `[N, D]`, made in pieces and without a graph. */
  encode(texts: Features, pieceSize = 1024): torch.Tensor {
    return torch.tidy(() =>
      torch.noGrad(() => {
        const pieces: torch.Tensor[] = [];
        for (let i = 0; i < texts.length; i += pieceSize)
          pieces.push(this.forward(toBags(texts.slice(i, i + pieceSize))));
        return torch.cat(pieces, 0);
      }),
    );
  }
}
