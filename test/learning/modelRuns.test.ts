import { describe, expect, test } from '@jest/globals';
import {
  AdamW,
  getOptimizers,
  type Hook,
  LayerFreezer,
  LayerSharer,
  Learner,
  ModuleInitMode,
  type Optimizer,
  Random,
  RegexParametersIterator,
  SGD,
} from '../../lib/learning/index.ts';
import { Encoder, newRanker, Ranker } from './models.ts';
import { ToyTrainer } from './toy.ts';

const train = (model: Ranker, optimizer: Optimizer, hooks: readonly Hook[] = []) =>
  new Learner({
    random: new Random({ seed: 1 }),
    model,
    trainer: new ToyTrainer(),
    optimizers: getOptimizers(optimizer),
    listeners: [],
    hooks,
    maxEpochs: 1,
    stepsPerEpoch: 3,
  }).run({ progress: false });

describe('models in a run', () => {
  test('are initialised once: from the seed, and not again when they were loaded or trained before', async () => {
    const [one, same] = [newRanker(), newRanker()];
    for (const model of [one, same]) await train(model, new SGD({ lr: 0 }));
    expect(one.encoder.built).toEqual([ModuleInitMode.DEFAULT]);
    const drawn = one.encoder.layer.weight.tolist();
    expect(same.encoder.layer.weight.tolist()).toEqual(drawn);

    await train(one, new SGD({ lr: 1e-3 }));
    const trained = one.head.weight.tolist();
    expect(trained).not.toEqual([[0, 0]]);
    await train(one, new SGD({ lr: 0 }));
    expect(one.head.weight.tolist()).toEqual(trained);

    const loaded = newRanker();
    await loaded.initialize({ mode: ModuleInitMode.NONE });
    const weights = loaded.encoder.layer.weight.tolist();
    await train(loaded, new SGD({ lr: 0 }));
    expect(loaded.encoder.layer.weight.tolist()).toEqual(weights);
  });

  test('keep what LayerFreezer froze, against weight decay too', async () => {
    const model = newRanker();
    const hook = new LayerFreezer({
      selector: new RegexParametersIterator({ model, regex: 'encoder\\.layer' }),
    });
    await train(model, new AdamW({ lr: 0.1, weightDecay: 0.5 }), [hook]);
    const free = newRanker();
    await train(free, new SGD({ lr: 0 }));
    expect(model.encoder.layer.weight.tolist()).toEqual(free.encoder.layer.weight.tolist());
    expect(model.head.weight.tolist()).not.toEqual([[0, 0]]);
  });

  test('train what LayerSharer shared as one', async () => {
    const [encoder, second] = [new Encoder({ dim: 2 }), new Encoder({ dim: 2 })];
    const model = new Ranker({ dim: 2, encoder, layers: [], second });
    const layer = (tower: Encoder) => new RegexParametersIterator({ model: tower, regex: 'norm.bias' });
    const hook = new LayerSharer({ source: layer(encoder), target: layer(second) });
    await train(model, new SGD({ lr: 0.1 }), [hook]);
    expect(second.norm.bias).toBe(encoder.norm.bias);
    expect(second.norm.bias!.tolist()).not.toEqual([0, 0]);
    // Again: what was shared is not shared anew.
    await train(model, new SGD({ lr: 0.1 }), [hook]);
    expect(second.norm.bias).toBe(encoder.norm.bias);
  });
});
