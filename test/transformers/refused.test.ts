/** What is refused: shards that differ from their index, configurations, and inputs. */
import { copyFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { F } from '../../lib/torch/functions.ts';
import { loadSafetensors, saveSafetensors } from '../../lib/torch/io/safetensors.ts';
import { noGrad } from '../../lib/torch/modes.ts';
import { tidy } from '../../lib/torch/scope.ts';
import type { Tensor } from '../../lib/torch/tensor.ts';
import {
  AutoModel,
  BertForSequenceClassification,
  BertModel,
  openWeights,
  RobertaForMaskedLM,
  RobertaForSequenceClassification,
} from '../../lib/transformers/index.ts';
import { callOf, folderOf, message, newFolder, recorded } from './models.ts';

const bert = recorded('BertForSequenceClassification');

describe('shards that are not what the index says', () => {
  const INDEX = 'model.safetensors.index.json';

  async function sharded(): Promise<{ folder: string; index: { weight_map: Record<string, unknown> } }> {
    const model = await BertForSequenceClassification.fromPretrained(folderOf(bert));
    const folder = newFolder();
    await model.savePretrained(folder, { maxShardBytes: 3000 });
    return { folder, index: JSON.parse(readFileSync(join(folder, INDEX), 'utf8')) };
  }

  async function refusal(change: (map: Record<string, unknown>) => void): Promise<string> {
    const { folder, index } = await sharded();
    change(index.weight_map);
    writeFileSync(join(folder, INDEX), JSON.stringify(index));
    return (await message(BertForSequenceClassification.fromPretrained(folder))).replaceAll(folder, '…');
  }

  test('it is not looked at beside a model.safetensors, nor are sizes in it, as in Python', async () => {
    const { folder, index } = await sharded();
    writeFileSync(join(folder, INDEX), JSON.stringify({ ...index, metadata: { total_size: 1 } }));
    await using shards = await openWeights(folder);
    expect(shards.keys().sort()).toEqual(Object.keys(index.weight_map).sort());
    copyFileSync(join(folderOf(bert), 'model.safetensors'), join(folder, 'model.safetensors'));
    writeFileSync(join(folder, INDEX), '');
    await using whole = await openWeights(folder);
    expect([...whole.tensors.values()].map(({ file }) => basename(file))).toEqual(
      whole.keys().map(() => 'model.safetensors'),
    );
  });

  const key = 'classifier.bias';
  test.each([
    '../model.safetensors',
    '/etc/model.safetensors',
    'a\\b.safetensors',
    '.safetensors/x',
    'x.bin',
    7,
    null,
  ])('the file name %p', async (name) => {
    expect(
      await refusal((map) => {
        map[key] = name;
      }),
    ).toMatch(
      /^ERR_ARGUMENT: Expected the name of a safetensors file in the folder for classifier.bias in weight_map/,
    );
  });

  test('a tensor that the index does not name, places elsewhere, or makes up', async () => {
    expect(
      await refusal((map) => {
        delete map[key];
      }),
    ).toMatch(/1 tensors are where it does not say: classifier.bias in model-00003-of-00003.safetensors$/);
    expect(
      await refusal((map) => {
        map[key] = 'model-00001-of-00003.safetensors';
      }),
    ).toMatch(
      /1 tensors are not where it says: classifier.bias in model-00001.*; 1 tensors are where it does not say/,
    );
    expect(
      await refusal((map) => {
        map.more = 'model-00002-of-00003.safetensors';
      }),
    ).toMatch(/differ: 1 tensors are not where it says: more in model-00002-of-00003.safetensors$/);
  });

  test('a tensor that two shards have', async () => {
    const { folder } = await sharded();
    const file = join(folder, 'model-00001-of-00003.safetensors');
    const tensors = await loadSafetensors(file);
    await saveSafetensors(file, new Map([...tensors, [key, [...tensors.values()][0]!]]));
    expect(await message(BertForSequenceClassification.fromPretrained(folder))).toMatch(
      /1 tensors are where it does not say: classifier.bias in model-00001-of-00003.safetensors$/,
    );
  });

  test('a shard that is not there', async () => {
    const { folder } = await sharded();
    rmSync(join(folder, 'model-00002-of-00003.safetensors'));
    expect(await message(BertForSequenceClassification.fromPretrained(folder))).toMatch(
      /1 of its files are not there: model-00002-of-00003.safetensors$/,
    );
  });

  test.each(['', '[]', '{}', '{"weight_map": 1}', '{"weight_map": {"a": "b", "a": "c"}}'])(
    '%p',
    async (text) => {
      const { folder } = await sharded();
      writeFileSync(join(folder, INDEX), text);
      expect(await message(BertForSequenceClassification.fromPretrained(folder))).toMatch(
        /^ERR_(FILE|ARGUMENT): /,
      );
    },
  );
});

describe('configurations that are refused, by their field', () => {
  test.each([
    [
      { position_embedding_type: 'relative_key' },
      'absolute, which is supported, for position_embedding_type',
    ],
    [{ is_decoder: true }, 'false, which is supported, for is_decoder'],
    [{ add_cross_attention: true }, 'for add_cross_attention but received true'],
    [{ quantization_config: {} }, 'none for quantization_config'],
    [{ pruned_heads: { 1: [0] } }, 'for pruned_heads'],
    [{ hidden_act: 'gelu_10' }, 'a known activation for hidden_act but received "gelu_10"'],
    [{ hidden_size: '8' }, 'an integer of at least 1 for hidden_size but received "8"'],
    [{ num_attention_heads: 3 }, 'a divisor of 8 for num_attention_heads but received 3'],
    [{ hidden_dropout_prob: 2 }, 'a probability between 0 and 1 for hidden_dropout_prob'],
    [{ layer_norm_eps: 0 }, 'a number above 0 for layer_norm_eps'],
    [{ model_type: 'gpt2' }, 'bert for model_type but received "gpt2"'],
  ])('%j', async (change, told) => {
    expect(
      await message(BertModel.fromPretrained(folderOf(bert), { config: change, dropHead: true })),
    ).toContain(told);
  });

  test('of ModernBERT', async () => {
    const folder = folderOf(recorded('ModernBertModel'));
    for (const [change, told] of [
      [{ layer_types: ['full_attention'] }, 'for each of 4 layers for layer_types'],
      [{ rope_parameters: { full_attention: { rope_type: 'yarn' } } }, 'rope_type of full_attention'],
      [{ rope_scaling: { factor: 2 } }, 'rope_scaling'],
    ] as const)
      expect(await message(AutoModel.fromPretrained(folder, { config: change }))).toContain(told);
  });

  test('a family that is not known, and folders that are none', async () => {
    const folder = newFolder();
    expect(await message(AutoModel.fromPretrained(folder))).toMatch(/^ERR_FILE: .*config.json/);
    writeFileSync(join(folder, 'config.json'), '[]');
    expect(await message(AutoModel.fromPretrained(folder))).toMatch(/^ERR_FILE: Expected a JSON object/);
    writeFileSync(join(folder, 'config.json'), '{"model_type": "t5"}');
    expect(await message(AutoModel.fromPretrained(folder))).toMatch(
      /one of bert, roberta, .* for model_type/,
    );
    writeFileSync(join(folder, 'config.json'), bert.config);
    writeFileSync(join(folder, 'pytorch_model.bin'), '');
    expect(await message(AutoModel.fromPretrained(folder))).toMatch(/neither; it has a pytorch_model.bin/);
    expect(existsSync(join(folder, 'model.safetensors'))).toBe(false);
  });
});

test('inputs that do not fit are refused', async () => {
  const { runs } = bert;
  const model = (await BertForSequenceClassification.fromPretrained(folderOf(bert))).eval();
  const call = callOf(runs.padded!.call);
  const { inputIds } = call;
  const wrong = (changes: object) => () => tidy(() => model.forward({ ...call, ...changes }));
  expect(wrong({ inputIds: inputIds.select(0, 0) })).toThrow('Expected a tensor [N, L] for inputIds');
  expect(wrong({ inputIds: [[1]] })).toThrow('Expected a Tensor for inputIds');
  expect(wrong({ attentionMask: inputIds.select(0, 0) })).toThrow(
    'the shape [3,7] of inputIds for attentionMask',
  );
  expect(wrong({ tokenTypeIds: inputIds.t() })).toThrow('the shape [3,7] of inputIds for tokenTypeIds');
  expect(wrong({ positionIds: inputIds.t() })).toThrow('the shape [3,7] or [1, 7] for positionIds');
  expect(() => model.forward({ inputIds: inputIds.repeat([1, 3]) })).toThrow(
    'Expected texts of at most 16 tokens for inputIds but received 21',
  );
  const distil = await AutoModel.fromPretrained(folderOf(recorded('DistilBertModel')));
  expect(() => distil.forward(call)).toThrow('Expected no tensor for DistilBERT for tokenTypeIds');
});

test.each([
  'BertModel',
  'DistilBertModel',
  'ModernBertModel',
  'ElectraModel',
  'RobertaForSequenceClassification',
])('a call of %s that is none, or has a mask of another name', async (name) => {
  const one = recorded(name);
  const folder = folderOf(one);
  const model = name.includes('Sequence')
    ? await RobertaForSequenceClassification.fromPretrained(folder)
    : await AutoModel.fromPretrained(folder);
  const { attentionMask, ...call } = callOf(one.runs.padded!.call);
  const forward = (given: unknown) => () => tidy(() => model.forward(given as never));
  expect(forward(undefined)).toThrow('Expected an object for options of forward but received undefined');
  expect(forward({})).toThrow('Expected a Tensor for inputIds but received undefined');
  expect(forward({ ...call, attentionMsk: attentionMask })).toThrow(
    'for option name of forward but received "attentionMsk": did you mean attentionMask?',
  );
  expect(forward({ ...call, specialTokensMask: attentionMask })).not.toThrow();
});

test('fields that a configuration does not have', async () => {
  const folder = folderOf(bert);
  const refused = async (config: object) =>
    message(BertForSequenceClassification.fromPretrained(folder, { config } as never));
  expect(await refused({ hiden_size: 34 })).toMatch(
    /for option name of config of BertForSequenceClassification but received "hiden_size": did you mean hidden_size\?$/,
  );
  expect(await refused([1])).toMatch(/Expected an object for options of config of /);
  const model = await BertForSequenceClassification.fromPretrained(folder, {
    config: { hidden_dropout_prob: 0, classifier_dropout: 0.5, is_decoder: false },
  });
  expect(model.config.classifierDropout).toBe(0.5);
  const modern = folderOf(recorded('ModernBertModel'));
  expect(await message(AutoModel.fromPretrained(modern, { config: { layer_type: [] } }))).toContain(
    'did you mean layer_types?',
  );
});

test.each(['BertModel', 'DistilBertModel', 'ModernBertModel'])(
  'more layers of %s than there can be',
  async (name) => {
    const one = recorded(name);
    const field = name === 'DistilBertModel' ? 'n_layers' : 'num_hidden_layers';
    const raw = JSON.parse(one.config);
    // A list of what each layer is would be refused before for its length.
    if (name === 'ModernBertModel') raw.layer_types = null;
    const folder = folderOf(one);
    const refused = async (layers: number) => {
      writeFileSync(join(folder, 'config.json'), JSON.stringify({ ...raw, [field]: layers }));
      return message(AutoModel.fromPretrained(folder));
    };
    expect(await refused(1e9)).toContain(
      `Expected at most 10000 layers for ${field} but received 1000000000`,
    );
    expect(await refused(10_000)).toMatch(
      /Expected at most \d+, the tensors of the folder, for the number of layers but received 10000$/,
    );
    expect(() => AutoModel.fromConfig({ ...raw, [field]: 1e9 })).toThrow('Expected at most 10000 layers');
  },
);

test('padding of RoBERTa has no place, however much there is', async () => {
  const { config, ...one } = recorded('RobertaForSequenceClassification');
  const model = (await RobertaForSequenceClassification.fromPretrained(folderOf({ config, ...one }))).eval();
  const { inputIds, attentionMask } = callOf(one.runs.padded!.call);
  const { padTokenId, maxPositionEmbeddings } = model.config;
  const most = maxPositionEmbeddings - padTokenId - 1;
  const [texts, length] = inputIds.shape as [number, number];
  const logits = (ids: Tensor, mask: Tensor) =>
    tidy(() => noGrad(() => model.forward({ inputIds: ids, attentionMask: mask }).logits));
  const wider = [texts, most + 5 - length];
  const padded = F.cat([inputIds, F.full(wider, padTokenId, { dtype: 'int64' })], 1);
  const mask = F.cat([attentionMask!, F.zeros(wider, { dtype: 'int64' })], 1);
  expect(logits(padded, mask).sub(logits(inputIds, attentionMask!)).abs().max().item()).toBeLessThan(1e-6);
  expect(() =>
    logits(F.full([1, most + 1], padTokenId + 1, { dtype: 'int64' }), F.ones([1, most + 1])),
  ).toThrow(`Expected texts of at most ${most} tokens for inputIds but received ${most + 1}`);
});

test('a RoBERTa without a padding token is refused', () => {
  expect(() => RobertaForMaskedLM.fromConfig({ model_type: 'roberta', pad_token_id: null })).toThrow(
    'an integer of at least 1 for pad_token_id',
  );
});
