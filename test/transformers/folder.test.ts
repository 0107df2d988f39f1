/** Hugging Face folders: shards, older names, heads that differ, configurations that are refused; and writing them. */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { loadSafetensors, saveSafetensors } from '../../lib/torch/io/safetensors.ts';
import { noGrad } from '../../lib/torch/modes.ts';
import { memory, tidy } from '../../lib/torch/scope.ts';
import type { Tensor } from '../../lib/torch/tensor.ts';
import {
  AutoModel,
  AutoModelForMaskedLM,
  AutoModelForSequenceClassification,
  BertForMaskedLM,
  BertForSequenceClassification,
  BertModel,
  type EncoderOutput,
  type LogitsOutput,
  type PreTrainedModel,
  type PretrainedReport,
  RobertaForMaskedLM,
} from '../../lib/transformers/index.ts';
import { callOf, classOf, first, fixture, folderOf, newFolder, recorded } from './models.ts';

const bert = recorded('BertForSequenceClassification');
const masked = recorded('BertForMaskedLM');

/** A folder whose weights were renamed, left out or replaced. */
async function changed(
  one: typeof bert,
  change: (name: string, tensor: Tensor) => readonly (readonly [string, Tensor])[],
): Promise<string> {
  const folder = folderOf(one);
  const file = join(folder, 'model.safetensors');
  const tensors = await loadSafetensors(file);
  await saveSafetensors(file, new Map([...tensors].flatMap(([name, tensor]) => change(name, tensor))));
  return folder;
}

function outputOf(model: PreTrainedModel, one = bert): unknown {
  const forward = () => model.eval().forward(callOf(one.runs.padded!.call)) as EncoderOutput | LogitsOutput;
  return tidy(() => noGrad(() => first(forward()).tolist()));
}

async function message(loading: Promise<unknown>): Promise<string> {
  return loading.then(
    () => 'nothing was refused',
    (error: Error & { code?: string }) => `${error.code}: ${error.message}`,
  );
}

describe('names of weights', () => {
  test('older ones of norms, and the prefix of the encoder left out or added', async () => {
    const wanted = outputOf(await BertForSequenceClassification.fromPretrained(folderOf(bert)));
    const old = await changed(bert, (name, tensor) => [
      [
        name.replace('LayerNorm.weight', 'LayerNorm.gamma').replace('LayerNorm.bias', 'LayerNorm.beta'),
        tensor,
      ],
    ]);
    expect(readFileSync(join(old, 'model.safetensors')).includes('LayerNorm.gamma')).toBe(true);
    expect(outputOf(await BertForSequenceClassification.fromPretrained(old))).toEqual(wanted);
    const bare = await changed(bert, (name, tensor) => [[name.replace(/^bert\./, ''), tensor]]);
    expect(outputOf(await BertForSequenceClassification.fromPretrained(bare))).toEqual(wanted);
    const states = outputOf(await BertModel.fromPretrained(folderOf(bert), { dropHead: true }));
    const base = recorded('BertModel');
    const prefixed = await changed(base, (name, tensor) => [[`bert.${name}`, tensor]]);
    expect(outputOf(await BertModel.fromPretrained(prefixed))).toEqual(
      outputOf(await BertModel.fromPretrained(folderOf(base))),
    );
    expect(states).not.toEqual(wanted);
  });

  test('places that older files hold are no weights', async () => {
    const folder = await changed(bert, (name, tensor) =>
      name === 'bert.embeddings.word_embeddings.weight'
        ? [
            [name, tensor],
            ['bert.embeddings.position_ids', tensor],
          ]
        : [[name, tensor]],
    );
    await BertForSequenceClassification.fromPretrained(folder);
  });

  test('two that are one', async () => {
    const name = 'bert.encoder.layer.0.output.LayerNorm.weight';
    const folder = await changed(bert, (each, tensor) =>
      each === name
        ? [
            [each, tensor],
            [each.replace('weight', 'gamma'), tensor],
          ]
        : [[each, tensor]],
    );
    expect(await message(BertForSequenceClassification.fromPretrained(folder))).toMatch(
      new RegExp(`1 under several names: ${name} is `),
    );
  });

  test('what is missing, unknown or of another shape is told at once, and nothing is left behind', async () => {
    const folder = await changed(bert, (name, tensor) => {
      if (name === 'bert.pooler.dense.bias') return [];
      if (name === 'classifier.bias') return [['bert.encoder.layer.7.bias', tensor]];
      if (name === 'classifier.weight') return [[name, tensor.t()]];
      return [[name, tensor]];
    });
    const before = memory().bytes;
    const told = await message(BertForSequenceClassification.fromPretrained(folder));
    expect(told.replace(folder, '…')).toBe(
      'ERR_STATE_DICT: Expected weights of BertForSequenceClassification in …: ' +
        '2 missing: bert.pooler.dense.bias, classifier.bias; 1 unknown: bert.encoder.layer.7.bias; ' +
        '1 of another shape: classifier.weight [8, 3] instead of [3, 8]. ' +
        'A head that differs is asked for with newHead or dropHead',
    );
    expect(memory().bytes).toBe(before);
    // An encoder's own keys are never optional.
    expect(await message(BertForSequenceClassification.fromPretrained(folder, { newHead: true }))).toMatch(
      /1 unknown: bert.encoder.layer.7.bias/,
    );
  });
});

describe('heads', () => {
  test('a new one is asked for', async () => {
    const folder = folderOf(masked);
    expect(await message(AutoModelForSequenceClassification.fromPretrained(folder))).toMatch(
      /4 missing: bert.pooler.dense.weight, bert.pooler.dense.bias, classifier.weight, classifier.bias; 5 unknown: cls/,
    );
    let report: PretrainedReport | undefined;
    const model = await AutoModelForSequenceClassification.fromPretrained(folder, {
      newHead: true,
      numLabels: 1,
      report: (told) => {
        report = told;
      },
    });
    expect(report!.drawn).toEqual([
      'bert.pooler.dense.weight',
      'bert.pooler.dense.bias',
      'classifier.weight',
      'classifier.bias',
    ]);
    expect(report!.unused.every((key) => key.startsWith('cls.'))).toBe(true);
    expect(report!.loaded.get('bert.encoder.layer.0.output.dense.bias')).toBe(
      'bert.encoder.layer.0.output.dense.bias',
    );
    expect(model.getParameter('classifier.weight').shape).toEqual([1, 8]);
    expect(model.getParameter('classifier.bias').tolist()).toEqual([0]);
    const drawn = [...(model.getParameter('classifier.weight').toTypedArray() as Float32Array)];
    expect(Math.max(...drawn.map(Math.abs))).toBeLessThan(0.15);
    expect(drawn.some((value) => value !== 0)).toBe(true);
  });

  test('another number of labels', async () => {
    const folder = folderOf(bert);
    expect(await message(BertForSequenceClassification.fromPretrained(folder, { numLabels: 5 }))).toMatch(
      /2 of another shape: classifier.bias \[3\] instead of \[5\], classifier.weight/,
    );
    const model = await BertForSequenceClassification.fromPretrained(folder, { numLabels: 5, newHead: true });
    expect(model.classifier.weight.shape).toEqual([5, 8]);
    expect(model.config.raw.id2label).toEqual({
      0: 'LABEL_0',
      1: 'LABEL_1',
      2: 'LABEL_2',
      3: 'LABEL_3',
      4: 'LABEL_4',
    });
  });

  test('the decoder of masked words is the table of words', async () => {
    const model = await BertForMaskedLM.fromPretrained(folderOf(masked));
    expect(model.cls.predictions.decoder.weight).toBe(model.bert.embeddings.word_embeddings.weight);
    expect(model.cls.predictions.decoder.bias).toBe(model.cls.predictions.bias);
    expect(model.namedParameters().length).toBe(new Set(model.parameters()).size);
    model.to({ dtype: 'float64' });
    expect(model.cls.predictions.decoder.weight).toBe(model.bert.embeddings.word_embeddings.weight);
  });

  test('where the folder has the decoder alone, or both', async () => {
    const [table, decoder] = ['bert.embeddings.word_embeddings.weight', 'cls.predictions.decoder.weight'];
    const wanted = outputOf(await BertForMaskedLM.fromPretrained(folderOf(masked)), masked);
    const alone = await changed(masked, (name, tensor) => [[name === table ? decoder : name, tensor]]);
    const model = await BertForMaskedLM.fromPretrained(alone);
    expect(outputOf(model, masked)).toEqual(wanted);
    expect(model.cls.predictions.decoder.weight).toBe(model.bert.embeddings.word_embeddings.weight);
    const twice = (other: (tensor: Tensor) => Tensor) =>
      changed(masked, (name, tensor) =>
        name === table
          ? [
              [name, tensor],
              [decoder, other(tensor)],
            ]
          : [[name, tensor]],
      );
    const same = await BertForMaskedLM.fromPretrained(await twice((tensor) => tensor.clone()));
    expect(same.cls.predictions.decoder.weight).toBe(same.bert.embeddings.word_embeddings.weight);
    // As in Python, two that differ stay two.
    const apart = await BertForMaskedLM.fromPretrained(await twice((tensor) => tensor.mul(2)));
    expect(apart.cls.predictions.decoder.weight).not.toBe(apart.bert.embeddings.word_embeddings.weight);
    const folder = newFolder();
    await apart.savePretrained(folder);
    expect(outputOf(await BertForMaskedLM.fromPretrained(folder), masked)).toEqual(outputOf(apart, masked));
    expect(
      await message(
        BertForMaskedLM.fromPretrained(
          await changed(masked, (name, tensor) => (name === table ? [] : [[name, tensor]])),
        ),
      ),
    ).toMatch(/1 missing: bert.embeddings.word_embeddings.weight$/);
  });

  test('an untied decoder', async () => {
    const config = { ...JSON.parse(masked.config), tie_word_embeddings: false };
    const model = BertForMaskedLM.fromConfig(config);
    const folder = newFolder();
    await model.savePretrained(folder);
    expect(outputOf(await BertForMaskedLM.fromPretrained(folder), masked)).toEqual(outputOf(model, masked));
  });
});

describe('writing', () => {
  test.each(fixture.models.map((one) => [one.architecture, one] as const))(
    '%s is what Python wrote, to the byte',
    async (architecture, one) => {
      const from = folderOf(one);
      const model = await classOf(architecture).fromPretrained(from);
      const folder = newFolder();
      await model.savePretrained(folder);
      expect(readdirSync(folder).sort()).toEqual(['config.json', 'model.safetensors']);
      expect(JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8'))).toEqual(JSON.parse(one.config));
      expect(readFileSync(join(folder, 'model.safetensors')).toString('base64')).toBe(one.weights);
    },
  );

  test('shards, and their index', async () => {
    const model = await BertForMaskedLM.fromPretrained(folderOf(masked));
    const folder = newFolder();
    await model.savePretrained(folder);
    await model.savePretrained(folder, { maxShardBytes: 2000 });
    const names = readdirSync(folder).sort();
    expect(names).toContain('model-00001-of-00004.safetensors');
    expect(names).not.toContain('model.safetensors');
    const index = JSON.parse(readFileSync(join(folder, 'model.safetensors.index.json'), 'utf8'));
    const parameters = model.parameters().reduce((sum, each) => sum + each.numel(), 0);
    expect(index.metadata).toEqual({ total_parameters: parameters, total_size: 4 * parameters });
    expect(index.weight_map['cls.predictions.decoder.weight']).toBeUndefined();
    const again = await AutoModelForMaskedLM.fromPretrained(folder);
    expect(outputOf(again, masked)).toEqual(outputOf(model, masked));
    await again.savePretrained(folder);
    expect(readdirSync(folder).sort()).toEqual(['config.json', 'model.safetensors']);
    await expect(again.savePretrained(folder, { maxShardBytes: 0 })).rejects.toThrow(
      'Expected a number of bytes above 0 for maxShardBytes but received 0',
    );
  });

  test('in another dtype', async () => {
    const model = await BertModel.fromPretrained(folderOf(recorded('BertModel')), { dtype: 'bfloat16' });
    const folder = newFolder();
    await model.savePretrained(folder);
    expect(JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')).dtype).toBe('bfloat16');
    expect((await BertModel.fromPretrained(folder)).pooler!.dense.weight.dtype).toBe('float32');
    expect((await BertModel.fromPretrained(folder, { dtype: 'auto' })).pooler!.dense.weight.dtype).toBe(
      'bfloat16',
    );
  });
});

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

test('a RoBERTa without a padding token is refused', () => {
  expect(() => RobertaForMaskedLM.fromConfig({ model_type: 'roberta', pad_token_id: null })).toThrow(
    'an integer of at least 1 for pad_token_id',
  );
});
