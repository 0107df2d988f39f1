/**
 * The models, all of them trained from nothing on the collection: over stemmed words, and a small transformer.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { config } from 'xpmir/experiment';
import { Analyzer } from 'xpmir/ir';
import {
  CosineDense,
  CrossScorer,
  Knrm,
  MeanWordsEncoder,
  type Scorer,
  TrainedWordEmbeddings,
  type Vocabulary,
  WordTokenizer,
} from 'xpmir/letor';
import { AutoModelForSequenceClassification, CrossEncoder } from 'xpmir/transformers';

const ANALYZER = new Analyzer({ stemmer: 'porter2', stopWords: 'snowball' });

/** The terms that BM25 sees. */
export class StemmedWords extends config(
  import.meta,
  'xpmir.examples.ranking.StemmedWords',
  {},
  WordTokenizer,
) {
  words(text: string): readonly string[] {
    return ANALYZER.terms(text);
  }
}

/** Width of the vectors of words. */
const DIM = 128;
const words = (vocabulary: Vocabulary) => new TrainedWordEmbeddings({ vocabulary, dim: DIM });

export function denseModel(vocabulary: Vocabulary): CosineDense {
  const encoder = new MeanWordsEncoder({ embeddings: words(vocabulary) });
  return new CosineDense({ encoder, scale: 20 });
}

export function knrmModel(vocabulary: Vocabulary): Knrm {
  return new Knrm({ embeddings: words(vocabulary), tanh: false });
}

export function crossModel(folder: string, modelId: string): CrossScorer {
  return new CrossScorer({ encoder: new CrossEncoder({ modelId, folder }), maxLength: 64 });
}

/** Where the vectors of words of a model are, that begin as those of another one. */
export function embeddingsOf(model: Scorer): TrainedWordEmbeddings | undefined {
  if (model instanceof Knrm) return model.embeddings;
  return model instanceof CosineDense ? (model.encoder as MeanWordsEncoder).embeddings : undefined;
}

/**
 * A folder as of Hugging Face with a small BERT whose weights are drawn and whose tokenizer knows the words of the collection.
 */
export async function writeSmallBert(folder: string, known: readonly string[]): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const special = ['[PAD]', '[UNK]', '[CLS]', '[SEP]'];
  const vocab = Object.fromEntries([...special, ...known].map((word, i) => [word, i]));
  const added = special.map((content, id) => ({
    id,
    content,
    special: true,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
  }));
  const token = (id: string, type_id: number) => ({ SpecialToken: { id, type_id } });
  const text = (id: string, type_id: number) => ({ Sequence: { id, type_id } });
  const single = [token('[CLS]', 0), text('A', 0), token('[SEP]', 0)];
  const ids = (id: string, number: number) => ({ id, ids: [number], tokens: [id] });
  writeFileSync(
    join(folder, 'tokenizer.json'),
    JSON.stringify({
      version: '1.0',
      added_tokens: added,
      normalizer: { type: 'Lowercase' },
      pre_tokenizer: { type: 'BertPreTokenizer' },
      post_processor: {
        type: 'TemplateProcessing',
        single,
        pair: [...single, text('B', 1), token('[SEP]', 1)],
        special_tokens: { '[CLS]': ids('[CLS]', 2), '[SEP]': ids('[SEP]', 3) },
      },
      decoder: null,
      truncation: null,
      padding: null,
      model: { type: 'WordLevel', vocab, unk_token: '[UNK]' },
    }),
  );
  const shape = {
    hidden_size: 64,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    intermediate_size: 256,
    max_position_embeddings: 128,
  };
  const model = AutoModelForSequenceClassification.fromConfig({
    model_type: 'bert',
    vocab_size: special.length + known.length,
    num_labels: 1,
    ...shape,
  });
  await model.savePretrained(folder);
}
