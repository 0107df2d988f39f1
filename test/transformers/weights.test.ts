/** The weights of a folder, one by one: of one file or of shards, of Python's and of ours. */
import { readdirSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { ArgumentError } from '../../lib/errors.ts';
import { BertModel, openWeights } from '../../lib/transformers/index.ts';
import { itPython, runPython } from '../support/python.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const CONFIG = {
  ...{ model_type: 'bert', vocab_size: 500, hidden_size: 64, num_hidden_layers: 2, num_attention_heads: 2 },
  ...{ intermediate_size: 128, max_position_embeddings: 40 },
};

test('shards, read and mapped, and the model of them', async () => {
  const folder = temporaryDirectory();
  const model = BertModel.fromConfig(CONFIG);
  await model.savePretrained(folder, { maxShardBytes: 140_000 });
  expect(readdirSync(folder).filter((name) => name.endsWith('.safetensors')).length).toBeGreaterThan(2);
  for (const mmap of [false, true]) {
    const weights = await openWeights(folder, { mmap });
    for (const [name, value] of model.stateDict()) {
      expect((await weights.getTensor(name)).equal(value)).toBe(true);
      expect((await weights.getSlice(name).index([1])).equal(value.index([1]))).toBe(true);
    }
    await expect(weights.getTensor('none')).rejects.toThrow(ArgumentError);
    await weights.close();
    await expect(weights.getTensor(weights.keys()[0]!)).rejects.toThrow(/closed/);
    const again = await BertModel.fromPretrained(folder, { mmap });
    for (const [name, value] of again.stateDict())
      expect(value.equal(model.stateDict().get(name)!)).toBe(true);
  }
});

itPython({ torch: undefined, transformers: undefined })(
  'shards of Python, whose sums are the same',
  async () => {
    const folder = temporaryDirectory();
    const program = `
import json, sys, torch
from transformers import BertConfig, BertModel
torch.manual_seed(5)
model = BertModel(BertConfig(**json.loads(sys.argv[2])))
model.save_pretrained(sys.argv[1], max_shard_size='140KB')
print(json.dumps({name: value.view(torch.int32).long().sum().item() for name, value in model.state_dict().items()}))
`;
    const sums = JSON.parse(runPython(program, folder, JSON.stringify(CONFIG)).trim().split('\n').at(-1)!);
    const weights = await openWeights(folder, { mmap: true });
    expect(new Set([...weights.tensors.values()].map(({ file }) => file)).size).toBeGreaterThan(2);
    const found: Record<string, number> = {};
    for (const key of weights.keys())
      found[key] = (await weights.getTensor(key)).view('int32').to('int64').sum().item();
    expect(found).toEqual(sums);
    await weights.close();
  },
);
