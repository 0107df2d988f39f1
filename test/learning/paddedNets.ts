/** Models over texts that are padded to the longest of their batch, and such texts. */
import * as torch from '../../lib/torch/index.ts';
import type { Tensor } from '../../lib/torch/tensor.ts';

const { nn } = torch;

/** A number in a range. */
export type Draw = (least: number, most: number) => number;

/** The same numbers in every run. */
export function numbers(seed: number): Draw {
  let state = seed;
  return (least, most) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return least + ((state >>> 8) % (most - least + 1));
  };
}

/** Attention over the texts that two lengths were padded to. */
export class Ranker extends nn.Module {
  readonly words = new nn.Embedding(50, 16);
  readonly encoder = new nn.TransformerEncoder(
    new nn.TransformerEncoderLayer(16, 2, { dimFeedforward: 32, dropout: 0.2, batchFirst: true }),
    2,
  );
  readonly score = new nn.Linear(16, 16);

  #encoded(text: Tensor, mask: Tensor): Tensor {
    return this.encoder.forward(this.words.forward(text), { srcKeyPaddingMask: mask });
  }

  forward(query: Tensor, queryMask: Tensor, document: Tensor, documentMask: Tensor): Tensor {
    const [q, d] = [this.#encoded(query, queryMask), this.#encoded(document, documentMask)];
    const [rows, length] = [q.shape[0]!, d.shape[1]!];
    const scores = this.score.forward(q).bmm(d.transpose(1, 2)).div(Math.sqrt(16));
    const open = documentMask.logicalNot().unsqueeze(1).expand([rows, q.shape[1]!, length]);
    return scores
      .mul(open)
      .view([rows, q.shape[1]! * length])
      .sum(1)
      .mul(1 / length);
  }
}

/** Words `[rows, length]`, and which of them are padding: at the end of all texts but the first. */
export function padded(rows: number, length: number, draw: Draw): [words: Tensor, mask: Tensor] {
  const words = Array.from({ length: rows * length }, () => draw(0, 49));
  const mask: boolean[] = [];
  for (let row = 0; row < rows; row++) {
    const own = row === 0 ? length : draw(1, length);
    for (let i = 0; i < length; i++) mask.push(i >= own);
  }
  return [
    torch.tensor(words, { dtype: 'int64' }).view([rows, length]),
    torch.tensor(mask, { dtype: 'bool' }).view([rows, length]),
  ];
}

/** An LSTM over texts, with their lengths in the batch. */
export class Recurrent extends nn.Module {
  readonly words = new nn.Embedding(50, 8);
  readonly lstm = new nn.LSTM(8, 8, { batchFirst: true, bidirectional: true });
  readonly dropout = new nn.Dropout(0.3);
  readonly last = new nn.Linear(16, 1);

  forward(text: Tensor): Tensor {
    const [out] = this.lstm.forward(this.dropout.forward(this.words.forward(text)));
    return this.last.forward(out.mean(1));
  }
}
