import { describe, expect, test } from '@jest/globals';
import { identifier } from '../../lib/experiment/index.ts';
import { initializeModel, ModuleInitMode } from '../../lib/learning/module.ts';
import { ModuleList } from '../../lib/learning/moduleList.ts';
import { RandomState } from '../../lib/learning/random.ts';
import { F } from '../../lib/torch/functions.ts';
import { deepcopy } from '../../lib/torch/nn/deepcopy.ts';
import { Sequential } from '../../lib/torch/nn/layers/containers.ts';
import { Linear } from '../../lib/torch/nn/layers/linear.ts';
import { Parameter } from '../../lib/torch/nn/parameter.ts';
import { Encoder, newRanker, Ranker } from './models.ts';

const { DEFAULT, NONE, RANDOM } = ModuleInitMode;
const random = () => RandomState.fromSeed(7);
const NORM = ['weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked'];
const ENCODER = ['layer.weight', 'layer.bias', ...NORM.map((name) => `norm.${name}`)];

describe('a model that is a configuration', () => {
  test('has the modules among its parameters as submodules, in the order of declaration, and nothing else of them', () => {
    const ranker = newRanker();
    expect(ranker.namedChildren().map(([name]) => name)).toEqual(['encoder', 'head']);
    // PyTorch's order: own parameters first, then child after child.
    expect([...ranker.stateDict().keys()]).toEqual([
      'scale',
      ...ENCODER.map((name) => `encoder.${name}`),
      'head.weight',
    ]);
    expect(ranker.namedParameters().map(([name]) => name)).toEqual([
      'scale',
      'encoder.layer.weight',
      'encoder.layer.bias',
      'encoder.norm.weight',
      'encoder.norm.bias',
      'head.weight',
    ]);
  });

  test('counts a module given twice once, under both names in the state', () => {
    const encoder = new Encoder({ dim: 2 });
    const ranker = new Ranker({ dim: 2, encoder, layers: [], second: encoder });
    expect(ranker.parameters()).toHaveLength(6);
    expect(ranker.stateDict().size).toBe(2 + 2 * ENCODER.length);
  });

  test('has an identity of its declared parameters alone', () => {
    const [one, other] = [newRanker(), newRanker()];
    one.head.weight.requiresGrad = false;
    one.eval();
    expect(identifier(one)).toBe(identifier(other));
    expect(identifier(one)).not.toBe(identifier(newRanker(3)));
  });

  test('trains, moves and copies like any other', () => {
    const ranker = newRanker();
    expect(ranker.eval().encoder.norm.training).toBe(false);
    expect(ranker.to('float64').encoder.layer.weight.dtype).toBe('float64');
    const copied = deepcopy(ranker);
    expect(copied.encoder).not.toBe(ranker.encoder);
    expect(copied.layers).toEqual([1, 2]);
    expect([...copied.stateDict().keys()]).toEqual([...ranker.stateDict().keys()]);
  });
});

describe('initialize', () => {
  test('runs once, for the models below first; whoever comes second changes nothing', async () => {
    const ranker = newRanker();
    await Promise.all([
      ranker.initialize({ mode: DEFAULT, random: random() }),
      ranker.initialize({ mode: DEFAULT, random: random() }),
    ]);
    expect(ranker.head.weight.tolist()).toEqual([[0, 0]]);
    const drawn = random().integer(1000);
    expect(ranker.encoder.layer.weight.tolist()).toEqual([
      [drawn, drawn],
      [drawn, drawn],
    ]);
    await ranker.initialize({ mode: RANDOM });
    await ranker.encoder.initialize({ mode: RANDOM });
    expect(ranker.encoder.built).toEqual([DEFAULT]);
  });

  test('with NONE makes the structure and leaves the values alone', async () => {
    const ranker = newRanker();
    const before = ranker.head.weight.tolist();
    await ranker.initialize({ mode: NONE });
    expect(ranker.head.weight.tolist()).toEqual(before);
    expect(ranker.encoder.built).toEqual([NONE]);
  });

  test('may be tried again after it failed', async () => {
    let fail = true;
    class Late extends Encoder {
      protected override build(): void {
        if (fail) throw new Error('as planned');
        this.built.push(DEFAULT);
      }
    }
    const late = new Late({ dim: 1 });
    await expect(late.initialize({ mode: DEFAULT })).rejects.toThrow('as planned');
    fail = false;
    await late.initialize({ mode: DEFAULT });
    expect(late.built).toEqual([DEFAULT]);
  });

  test('reaches models that build makes', async () => {
    class Grows extends Encoder {
      made: Encoder | undefined;
      protected override build(): void {
        this.made = new Encoder({ dim: 1 });
      }
    }
    const grows = new Grows({ dim: 1 });
    await grows.initialize({ mode: RANDOM });
    expect(grows.made?.built).toEqual([RANDOM]);
  });

  test('reaches models inside plain modules, and takes any module with such a method', async () => {
    const encoder = new Encoder({ dim: 1 });
    await initializeModel(new Sequential(new Linear(1, 1), encoder), { mode: RANDOM });
    expect(encoder.built).toEqual([RANDOM]);
    const seen: unknown[] = [];
    const plain = Object.assign(new Linear(1, 1), {
      initialize: (options: unknown) => void seen.push(options),
    });
    await initializeModel(plain, { mode: NONE });
    expect(seen).toEqual([{ mode: NONE }]);
  });
});

describe('ModuleList', () => {
  test('has its modules as children "0", "1", ... with one set of parameters', () => {
    const shared = new Encoder({ dim: 2 });
    const models = new ModuleList({ subModules: [shared, newRanker(), shared] });
    expect(models.namedChildren().map(([name]) => name)).toEqual(['0', '1']);
    const keys = [...models.stateDict().keys()];
    expect(keys.slice(0, 2)).toEqual(['0.layer.weight', '0.layer.bias']);
    expect(keys).toContain('1.encoder.layer.weight');
    expect(keys).toContain('2.layer.weight');
    expect(models.parameters()).toHaveLength(4 + 6);
    expect(models.parameters()[0]).toBe(shared.layer.weight);
  });

  test('initialises all of them, and cannot be called', async () => {
    const encoders = [new Encoder({ dim: 1 }), new Encoder({ dim: 1 })];
    const models = new ModuleList({ subModules: encoders });
    await models.initialize({ mode: DEFAULT, random: random() });
    expect(encoders.map(({ built }) => built)).toEqual([[DEFAULT], [DEFAULT]]);
    const [first, second] = encoders.map(({ layer }) => layer.weight.item());
    // One stream of random numbers, one after the other.
    const expected = random();
    expect([first, second]).toEqual([expected.integer(1000), expected.integer(1000)]);
    expect(() => models.forward()).toThrow('moduleList: expected a call of one of its modules');
  });

  test('takes plain modules, and fields of a subclass beside them', () => {
    class Weighted extends ModuleList {
      readonly weight = new Parameter(F.ones([2]));
    }
    const models = new Weighted({ subModules: [new Linear(1, 1), new Encoder({ dim: 1 })] });
    expect([...models.stateDict().keys()].slice(0, 4)).toEqual([
      'weight',
      '0.weight',
      '0.bias',
      '1.layer.weight',
    ]);
  });

  test('loads what it saved', () => {
    const newList = () => new ModuleList({ subModules: [new Encoder({ dim: 1 }), new Encoder({ dim: 1 })] });
    const [saved, loaded] = [newList(), newList()];
    loaded.loadStateDict(saved.stateDict());
    const weight = (list: ModuleList) => list.getParameter('1.layer.weight');
    expect(F.equal(weight(loaded), weight(saved))).toBe(true);
  });
});
