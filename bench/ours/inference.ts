/** BERT-mini over texts of 128 words, without padding; reference/inference.py has the same weights. */
import { setImmediate } from 'node:timers/promises';
import * as torch from '../../lib/torch/index.ts';
import { BertModel } from '../../lib/transformers/index.ts';
import type { Loop } from './loops.ts';

const MINI = { hidden_size: 256, num_hidden_layers: 4, num_attention_heads: 4, intermediate_size: 1024 };
const WORDS = 128;

/** Matrices of sines, which both sides compute to the bit; biases and norms are as drawn: 0 and 1. */
function model(): BertModel {
  const made = BertModel.fromConfig({ model_type: 'bert', ...MINI }).eval();
  torch.tidy(() =>
    torch.noGrad(() => {
      for (const parameter of made.parameters()) {
        if (parameter.ndim !== 2) continue;
        const places = torch.arange(parameter.numel(), { dtype: 'float32' }).mul(0.7);
        parameter.copy_(places.sin().mul(0.05).view(parameter.shape));
      }
    }),
  );
  return made;
}

/** Passes over a batch of so many texts. @param form what the model becomes; default nothing else */
export function inference(texts: number, form = (bert: BertModel): BertModel => bert): () => Loop {
  return () => {
    const bert = form(model());
    const inputIds = torch
      .arange(texts * WORDS, { dtype: 'int64' })
      .mul(7919)
      .remainder(30000)
      .add(1)
      .view([texts, WORDS]);
    const pass = () =>
      torch.tidy(() => torch.inferenceMode(() => bert.forward({ inputIds }).lastHiddenState));
    return async (iterations) => {
      for (let done = 1; done < iterations; done++) {
        pass().dispose();
        await setImmediate();
      }
      return torch.tidy(() => pass().abs().sum().item());
    };
  };
}
