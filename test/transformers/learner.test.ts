/** Rankers that are read from a folder: trained by a Learner, compiled, saved, resumed and loaded. */
import { join } from 'node:path';
import { beforeAll, describe, expect, jest, test } from '@jest/globals';
import { identifier } from '../../lib/experiment/identifier.ts';
import {
  AdamW,
  initializeModel,
  LossTrainer,
  ModuleInitMode,
  ModuleLoader,
  Random,
} from '../../lib/learning/index.ts';
import { tensor } from '../../lib/torch/factories.ts';
import { F } from '../../lib/torch/functions.ts';
import { loadSafetensors } from '../../lib/torch/io/safetensors.ts';
import { noGrad } from '../../lib/torch/modes.ts';
import { manualSeed } from '../../lib/torch/random.ts';
import { tidy } from '../../lib/torch/scope.ts';
import type { Tensor } from '../../lib/torch/tensor.ts';
import { setNumThreads } from '../../lib/torch/threads.ts';
import {
  type AutoClass,
  AutoModel,
  AutoModelForSequenceClassification,
  CrossEncoder,
  type EncoderCall,
  type PreTrainedModel,
  PretrainedEncoder,
  PretrainedMaskedLM,
} from '../../lib/transformers/index.ts';
import { compiledSteps, type Made, newLearner, one, outcome } from '../learning/compiledNet.ts';
import { numbers } from '../learning/paddedNets.ts';
import { type Example, newDirectory, toySampler } from '../learning/toy.ts';
import { callOf, folderOf, recorded } from './models.ts';

beforeAll(() => setNumThreads(1));

interface Batch extends EncoderCall {
  readonly inputIds: Tensor;
  readonly attentionMask: Tensor;
  readonly grades: Tensor;
}

/** Four texts of `length` words at most, the shorter ones filled up with `padding`. */
function texts(length: number, padding: number, draw: (least: number, most: number) => number): Batch {
  const lengths = [length, draw(1, length), draw(1, length), draw(1, length)];
  const words = lengths.map((own) => Array.from({ length }, (_, i) => (i < own ? draw(3, 29) : padding)));
  const mask = lengths.map((own) => Array.from({ length }, (_, i) => Number(i < own)));
  return {
    inputIds: tensor(words, { dtype: 'int64' }),
    attentionMask: tensor(mask, { dtype: 'int64' }),
    grades: tensor(lengths.map((own) => [own / length])),
  };
}

class RankTrainer extends LossTrainer<Example, Batch> {
  readonly padding: number;
  readonly lengths: readonly [number, number];
  readonly #draw = numbers(7);

  constructor(padding: number, lengths: readonly [number, number] = [6, 6]) {
    super({ sampler: toySampler(), batchSize: 2 });
    this.padding = padding;
    this.lengths = lengths;
  }

  protected override collate(): Batch {
    return texts(this.#draw(...this.lengths), this.padding, this.#draw);
  }

  protected override trainBatch({ inputIds, attentionMask, grades }: Batch): void {
    const scores = (this.trainedModel as CrossEncoder).forward({ inputIds, attentionMask });
    this.context.addLoss('mse', F.mseLoss(scores, grades));
  }
}

const FAMILIES: readonly (readonly [family: string, padding: number])[] = [
  ['Bert', 0],
  ['Roberta', 1],
  ['DistilBert', 0],
  ['Electra', 0],
  ['ModernBert', 0],
];

const folders = new Map(
  FAMILIES.map(([family]) => [family, folderOf(recorded(`${family}ForSequenceClassification`))]),
);
const ranker = (family = 'Bert', values: { readonly numLabels?: number } = {}) =>
  new CrossEncoder({ modelId: `test/${family}`, folder: folders.get(family)!, numLabels: 1, ...values });

describe.each(FAMILIES)('a ranker of %s', (family, padding) => {
  const made: Made = {
    model: () => ranker(family),
    trainer: () => new RankTrainer(padding),
    optimizers: () => one(new AdamW({ lr: 1e-3, fused: true })),
    stepsPerEpoch: 20,
  };

  test('is trained by compiled steps to the same bits, and warns of nothing', async () => {
    const eager = await outcome(made, false, [2]);
    const compiled: { value?: typeof eager } = {};
    const steps = await compiledSteps(async () => {
      compiled.value = await outcome(made, true, [2]);
    });
    expect(compiled.value).toEqual(eager);
    expect(steps).toBeGreaterThan(30);
    expect(await outcome(made, 'verify', [2])).toEqual(eager);
    expect(eager.warnings).toEqual([]);
  });

  test('over texts of ever other lengths', async () => {
    const padded = { ...made, trainer: () => new RankTrainer(padding, [3, 14]), stepsPerEpoch: 150 };
    const eager = await outcome(padded, false, [1]);
    const compiled: { value?: typeof eager } = {};
    const steps = await compiledSteps(async () => {
      compiled.value = await outcome(padded, true, [1]);
    });
    expect(compiled.value).toEqual(eager);
    expect(steps).toBeGreaterThan(80);
    expect(eager.warnings).toEqual([]);
  });
});

describe('a ranker', () => {
  const made: Made = {
    model: () => ranker(),
    trainer: () => new RankTrainer(0),
    optimizers: () => one(new AdamW({ lr: 1e-3, fused: true })),
    stepsPerEpoch: 5,
  };

  test('goes on where it was stopped', async () => {
    const stopped = await outcome(made, true, [1, 2, 3]);
    expect(await outcome(made, false, [1, 2, 3])).toEqual(stopped);
  });

  test('is loaded from a checkpoint without reading what it began with', async () => {
    const path = newDirectory();
    const learner = newLearner(made, true, 1);
    await learner.run({ path, progress: false });
    const loaded = ranker();
    await new ModuleLoader({ value: loaded, path: join(path, 'checkpoints', 'last') }).load();
    const saved = await loadSafetensors(join(path, 'checkpoints', 'last', 'model.safetensors'));
    expect(saved.has('model.bert.encoder.layer.0.attention.self.query.weight')).toBe(true);
    for (const [name, value] of loaded.stateDict()) expect(value.equal(saved.get(name)!)).toBe(true);
    await initializeModel(loaded, { mode: ModuleInitMode.DEFAULT });
    for (const [name, value] of loaded.stateDict()) expect(value.equal(saved.get(name)!)).toBe(true);
  });

  test('begins with the weights of its folder, or with drawn ones', async () => {
    const call = callOf(recorded('BertForSequenceClassification').runs.unpadded!.call);
    const scores = async (mode: ModuleInitMode, numLabels: number) => {
      const model = ranker('Bert', { numLabels });
      manualSeed(1);
      await model.initialize({ mode, random: new Random().newState() });
      return tidy(() => noGrad(() => model.eval().forward(call).tolist()));
    };
    const read = await scores(ModuleInitMode.DEFAULT, 3);
    expect(await scores(ModuleInitMode.DEFAULT, 3)).toEqual(read);
    expect(await scores(ModuleInitMode.RANDOM, 3)).not.toEqual(read);
    // Another number of labels: a new head on the encoder that was read.
    expect(await scores(ModuleInitMode.DEFAULT, 1)).toEqual([[expect.any(Number)], [expect.any(Number)]]);
  });

  test('has the head of its folder unless told otherwise, and tells of one that is drawn', async () => {
    const warned = jest.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const told = (keys: string) => [
      expect.stringContaining(keys),
      { type: 'XpmirWarning', code: 'XPMIR_NEW_HEAD' },
    ];
    const labels = async (folder: string, values: object = {}) => {
      const model = new CrossEncoder({ modelId: 'test', folder, ...values });
      warned.mockClear();
      await model.initialize({ mode: ModuleInitMode.DEFAULT });
      return [model.labels, ...warned.mock.calls];
    };
    const saved = async (auto: AutoClass<PreTrainedModel>, values: object) => {
      const folder = newDirectory();
      const tiny = { hidden_size: 8, num_hidden_layers: 1, num_attention_heads: 2, intermediate_size: 8 };
      await auto.fromConfig({ model_type: 'bert', vocab_size: 9, ...tiny, ...values }).savePretrained(folder);
      return folder;
    };
    try {
      expect(await labels(folders.get('Bert')!)).toEqual([3]);
      const two = await saved(AutoModelForSequenceClassification, {}); // Python leaves a 2 out, too.
      expect(await labels(two)).toEqual([2]);
      expect(await labels(two, { numLabels: 1 })).toEqual([1, told('classifier.weight')]);
      expect(await labels(await saved(AutoModel, {}))).toEqual([1, told('classifier.weight')]);
      const masked = new PretrainedMaskedLM({ modelId: 'test', folder: two });
      await masked.initialize({ mode: ModuleInitMode.DEFAULT });
      expect(warned.mock.calls.at(-1)).toEqual(told('cls.predictions.transform.dense.weight'));
    } finally {
      warned.mockRestore();
    }
  });

  test('has an identity by the name of its weights, wherever they are', () => {
    const other = new CrossEncoder({ modelId: 'test/Bert', folder: '/elsewhere' });
    expect(identifier(other)).toBe(
      identifier(new CrossEncoder({ modelId: 'test/Bert', folder: folders.get('Bert')! })),
    );
    expect(identifier(new CrossEncoder({ modelId: 'other', folder: '/elsewhere' }))).not.toBe(
      identifier(other),
    );
  });

  test('an encoder alone', async () => {
    const encoder = new PretrainedEncoder({ modelId: 'test/Bert', folder: folders.get('Bert')! });
    await encoder.initialize({ mode: ModuleInitMode.DEFAULT });
    const call = callOf(recorded('BertForSequenceClassification').runs.unpadded!.call);
    expect(tidy(() => encoder.forward(call).lastHiddenState.shape)).toEqual([2, 7, 8]);
  });
});
