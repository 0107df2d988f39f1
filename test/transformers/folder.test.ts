/** Hugging Face folders: older names, heads that differ, and writing them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { loadSafetensors, saveSafetensors } from '../../lib/torch/io/safetensors.ts';
import { noGrad } from '../../lib/torch/modes.ts';
import { memory, tidy } from '../../lib/torch/scope.ts';
import type { Tensor } from '../../lib/torch/tensor.ts';
import {
  AutoModelForMaskedLM,
  AutoModelForSequenceClassification,
  BertForMaskedLM,
  BertForSequenceClassification,
  BertModel,
  type EncoderOutput,
  type LogitsOutput,
  type PreTrainedModel,
  type PretrainedReport,
} from '../../lib/transformers/index.ts';
import { callOf, classOf, first, fixture, folderOf, message, newFolder, recorded } from './models.ts';

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
    expect(model.cls.predictions.decoder.weight).toBe(model.base.embeddings.word_embeddings.weight);
    expect(model.cls.predictions.decoder.bias).toBe(model.cls.predictions.bias);
    expect(model.namedParameters().length).toBe(new Set(model.parameters()).size);
    model.to({ dtype: 'float64' });
    expect(model.cls.predictions.decoder.weight).toBe(model.base.embeddings.word_embeddings.weight);
  });

  test('where the folder has the decoder alone, or both', async () => {
    const [table, decoder] = ['bert.embeddings.word_embeddings.weight', 'cls.predictions.decoder.weight'];
    const wanted = outputOf(await BertForMaskedLM.fromPretrained(folderOf(masked)), masked);
    const alone = await changed(masked, (name, tensor) => [[name === table ? decoder : name, tensor]]);
    const model = await BertForMaskedLM.fromPretrained(alone);
    expect(outputOf(model, masked)).toEqual(wanted);
    expect(model.cls.predictions.decoder.weight).toBe(model.base.embeddings.word_embeddings.weight);
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
    expect(same.cls.predictions.decoder.weight).toBe(same.base.embeddings.word_embeddings.weight);
    // As in Python, two that differ stay two.
    const apart = await BertForMaskedLM.fromPretrained(await twice((tensor) => tensor.mul(2)));
    expect(apart.cls.predictions.decoder.weight).not.toBe(apart.base.embeddings.word_embeddings.weight);
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

  test('numbers that Python takes for floats alone', async () => {
    const model = await AutoModelForMaskedLM.fromPretrained(folderOf(recorded('ModernBertForMaskedLM')));
    const folder = newFolder();
    await model.savePretrained(folder);
    const text = readFileSync(join(folder, 'config.json'), 'utf8');
    expect(text).toContain('"initializer_cutoff_factor": 2.0,\n');
    expect(text).toContain('"norm_eps": 0.00001,\n');
    expect(text).toContain('"hidden_size": 8,\n');
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
