/** Classes of models by the names that they have in Python, and models that Python makes of them now. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Tensor } from '../../lib/torch/tensor.ts';
import * as transformers from '../../lib/transformers/index.ts';

type AnyModel = transformers.Encoder | transformers.ModelWithHead;

/** The class of a model by its name in Python. */
export function classOf(architecture: string): {
  fromPretrained(folder: string, options?: transformers.PretrainedOptions): Promise<AnyModel>;
  fromConfig(raw: transformers.RawConfig): AnyModel;
} {
  return (transformers as unknown as Record<string, never>)[architecture.replace('XLM', '')]!;
}

/** The one tensor of an output that a loss is made of. */
export function first(output: transformers.EncoderOutput | transformers.LogitsOutput): Tensor {
  return 'logits' in output ? output.logits : output.lastHiddenState;
}

const shape = (hidden_size: number, num_hidden_layers: number, num_attention_heads: number) => ({
  hidden_size,
  num_hidden_layers,
  num_attention_heads,
  intermediate_size: 4 * hidden_size,
});

/** Of BERT's models. */
export const SHAPES = { tiny: shape(128, 2, 2), mini: shape(256, 4, 4), base: shape(768, 12, 12) };

type Shape = ReturnType<typeof shape>;

/** A configuration of a family in the shape that is asked for. */
export function configOf(architecture: string, shape: Shape): Record<string, unknown> {
  const common = { vocab_size: 2000, num_labels: 3, max_position_embeddings: 66, pad_token_id: 0 };
  const tokens = { bos_token_id: 1, eos_token_id: 2, cls_token_id: 1, sep_token_id: 2 };
  if (architecture.startsWith('DistilBert')) {
    const { hidden_size: dim, num_hidden_layers, num_attention_heads: n_heads, intermediate_size } = shape;
    return {
      model_type: 'distilbert',
      ...common,
      dim,
      n_layers: num_hidden_layers,
      n_heads,
      hidden_dim: intermediate_size,
    };
  }
  if (architecture.startsWith('ModernBert'))
    return { model_type: 'modernbert', ...common, ...tokens, ...shape, local_attention: 8 };
  if (architecture.startsWith('Electra'))
    return { model_type: 'electra', ...common, ...shape, embedding_size: 128 };
  if (architecture.startsWith('Bert')) return { model_type: 'bert', ...common, ...shape };
  const model_type = architecture.startsWith('XLM') ? 'xlm-roberta' : 'roberta';
  return { model_type, ...common, ...shape, pad_token_id: 1, type_vocab_size: 1 };
}

/** What compare.py is asked for. */
export interface Job {
  readonly folder: string;
  readonly architecture: string;
  readonly config?: Record<string, unknown>;
  readonly steps?: number;
}

/** One Python for all, as it takes seconds to start. */
export function run(jobs: readonly Job[]): void {
  const program = fileURLToPath(new URL('compare.py', import.meta.url));
  execFileSync(process.env.XPMIR_PYTHON ?? 'python3', [program, JSON.stringify(jobs)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
}
