import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { identifier } from '../../lib/experiment/index.ts';
import { PartialModuleLoader, PrefixRenamer, SubModuleLoader } from '../../lib/learning/loaders.ts';
import { ModuleInitMode } from '../../lib/learning/module.ts';
import { ModuleLoader, ValidationModuleLoader } from '../../lib/learning/moduleLoader.ts';
import { AllParametersIterator, RegexParametersIterator } from '../../lib/learning/parameters.ts';
import { Random, RandomState } from '../../lib/learning/random.ts';
import { F } from '../../lib/torch/functions.ts';
import { saveSafetensors } from '../../lib/torch/io/safetensors.ts';
import { noGrad } from '../../lib/torch/modes.ts';
import type { Module } from '../../lib/torch/nn/module.ts';
import { getRngState } from '../../lib/torch/random.ts';
import type { Tensor } from '../../lib/torch/tensor.ts';
import { begin, newPlace } from '../experiment/support.ts';
import { Encoder, newRanker, Ranker, Show } from './models.ts';

const directory = mkdtempSync(join(tmpdir(), 'xpmir-loaders-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

let files = 0;

/** A file with the state of a model, under other names where that is wanted. */
async function save(state: ReadonlyMap<string, Tensor>, rename = (name: string) => name): Promise<string> {
  const path = join(directory, `${files++}.safetensors`);
  await saveSafetensors(path, new Map([...state].map(([name, tensor]) => [rename(name), tensor])));
  return path;
}

/** A model whose every value is `value`. */
function filled<T extends Module>(model: T, value: number): T {
  noGrad(() => {
    for (const tensor of model.stateDict().values()) tensor.fill_(value);
  });
  return model;
}

/** The first value of each piece of state whose values are all equal. */
const valuesOf = (model: Module) =>
  Object.fromEntries(
    [...model.stateDict()].map(([name, tensor]) => [name, Number(tensor.flatten().at(0).item())]),
  );

describe('ModuleLoader', () => {
  test('loads a file or a checkpoint into a model that makes its structure alone', async () => {
    const path = await save(filled(newRanker(), 3).stateDict());
    const model = newRanker();
    const report = await new ModuleLoader({ value: model, path }).load();
    expect(new Set(Object.values(valuesOf(model)))).toEqual(new Set([3]));
    expect(model.encoder.built).toEqual([ModuleInitMode.NONE]);
    expect([...report.loaded.keys()]).toEqual([...model.stateDict().keys()]);
    expect([report.kept, report.unused]).toEqual([[], []]);

    // What comes later, such as a learner, leaves it as it is.
    await model.initialize({ mode: ModuleInitMode.DEFAULT, random: RandomState.fromSeed(1) });
    expect(model.encoder.layer.weight.at(0, 0).item()).toBe(3);
  });

  test('tells a checkpoint of another model before anything changes', async () => {
    const path = await save(new Map([...newRanker(3).stateDict(), ['tail.weight', F.ones([2])]]), (name) =>
      name.replace('head', 'top'),
    );
    const model = filled(newRanker(), 5);
    await expect(new ModuleLoader({ value: model, path }).execute()).rejects.toThrow(
      new RegExp(
        '^moduleLoader\\.path: expected weights of Ranker, but .*safetensors is of another model: ' +
          '1 missing: head\\.weight; 2 unknown: (tail\\.weight, top\\.weight|top\\.weight, tail\\.weight); ' +
          '6 of another shape: encoder\\.layer\\.weight \\[3, 3\\] instead of \\[2, 2\\], ',
      ),
    );
    expect(new Set(Object.values(valuesOf(model)))).toEqual(new Set([5]));
  });

  test('says where it looked', async () => {
    const value = newRanker();
    await expect(new ModuleLoader({ value, path: join(directory, 'none') }).execute()).rejects.toThrow(
      /^moduleLoader\.path: expected a saved model, received .*none, which does not exist$/,
    );
    await expect(new ModuleLoader({ value, path: directory }).execute()).rejects.toThrow(
      /received .*model\.safetensors, which does not exist$/,
    );
  });

  test('does without the counts of batch norm, which files without versions may lack', async () => {
    const state = [...filled(newRanker(), 3).stateDict()].filter(([name]) => !name.endsWith('tracked'));
    const model = filled(newRanker(), 5);
    await new ModuleLoader({ value: model, path: await save(new Map(state)) }).execute();
    expect(valuesOf(model)).toMatchObject({
      'encoder.norm.running_mean': 3,
      'encoder.norm.num_batches_tracked': 5,
    });
  });

  test('is not another one because of its path, but because of its listener and what that kept', () => {
    const value = newRanker();
    const loader = (listener: string, key: string, path: string) =>
      identifier(new ValidationModuleLoader({ value, path, listener, key }));
    const ids = [
      identifier(new ModuleLoader({ value, path: '/a' })),
      loader('v', 'RR@10', '/a'),
      loader('v', 'AP', '/a'),
      loader('w', 'AP', '/a'),
    ];
    expect(new Set(ids).size).toBe(4);
    expect(identifier(new ModuleLoader({ value, path: '/b' }))).toBe(ids[0]);
    expect(loader('v', 'RR@10', '/b')).toBe(ids[1]);
  });

  test('as an init task of a job, loads the model that the job uses', async () => {
    const path = await save(filled(newRanker(), 3).stateDict());
    const xp = begin(newPlace());
    // Two configurations of equal content are one object in the job.
    const show = new Show({ model: newRanker() });
    show.submit({ initTasks: [new ModuleLoader({ value: newRanker(), path })] });
    await xp.wait();
    expect(JSON.parse(readFileSync(show.result, 'utf8'))).toEqual({
      head: [[3, 3]],
      encoder: [
        [3, 3],
        [3, 3],
      ],
      built: ['none'],
    });
  }, 60_000);
});

describe('PrefixRenamer', () => {
  test.each([
    ['encoder', 'bert', 'encoder.weight', 'bert.weight'],
    ['encoder.', 'bert.model.', 'encoder.weight', 'bert.model.weight'],
    ['encoder', 'bert', 'encoder2.weight', 'encoder2.weight'],
    ['encoder', '', 'encoder.weight', 'weight'],
    ['', 'bert', 'weight', 'bert.weight'],
    ['', '', 'weight', 'weight'],
  ])('%p to %p: %p is %p', (model, data, name, key) => {
    expect(new PrefixRenamer({ model, data }).map(name)).toBe(key);
  });
});

describe('PartialModuleLoader', () => {
  test('loads what is selected, under the names of its mapper, with the buffers beside it', async () => {
    const state = filled(new Encoder({ dim: 2 }), 3).stateDict();
    const path = await save(state, (name) => `bert.${name}`);
    const value = newRanker();
    const selector = new RegexParametersIterator({ model: value, regex: '^encoder\\.norm' });
    const mapper = new PrefixRenamer({ model: 'encoder', data: 'bert' });
    const report = await new PartialModuleLoader({ value, path, selector, mapper }).load();
    expect(report).toEqual({
      loaded: new Map(
        ['weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked'].map((name) => [
          `encoder.norm.${name}`,
          `bert.norm.${name}`,
        ]),
      ),
      kept: ['scale', 'encoder.layer.weight', 'encoder.layer.bias', 'head.weight'],
      unused: ['bert.layer.weight', 'bert.layer.bias'].sort(),
    });
    expect(valuesOf(value)).toMatchObject({
      'encoder.norm.weight': 3,
      'encoder.norm.running_var': 3,
      'head.weight': 0,
    });
    expect(value.encoder.built).toEqual([ModuleInitMode.DEFAULT]);
  });

  test('begins the rest from its own seed, and leaves the generator alone', async () => {
    const path = await save(filled(newRanker(), 3).stateDict());
    const restOf = async (seed: number) => {
      const value = newRanker();
      const selector = new RegexParametersIterator({ model: value, regex: '^head' });
      const before = getRngState().tolist();
      await new PartialModuleLoader({ value, path, selector, random: new Random({ seed }) }).execute();
      expect(getRngState().tolist()).toEqual(before);
      expect(value.head.weight.tolist()).toEqual([[3, 3]]);
      return value.encoder.layer.weight.at(0, 0).item();
    };
    const first = await restOf(1);
    expect(first).not.toBe(3);
    expect(await restOf(1)).toBe(first);
    expect(await restOf(2)).not.toBe(first);
  });

  test('is strict: missing keys and other shapes are errors, and nothing is loaded then', async () => {
    const path = await save(filled(new Encoder({ dim: 3 }), 3).stateDict());
    const value = filled(newRanker(), 5);
    await value.initialize({ mode: ModuleInitMode.NONE });
    const load = (regex: string, mapped: boolean) => {
      const selector = new RegexParametersIterator({ model: value, regex });
      const mapper = mapped ? { mapper: new PrefixRenamer({ model: 'encoder', data: '' }) } : {};
      return new PartialModuleLoader({ value, path, selector, ...mapper }).execute();
    };
    await expect(load('encoder.layer', false)).rejects.toThrow(
      /^partialModuleLoader\.path: .* is of another model: 2 missing: encoder\.layer\.weight, encoder\.layer\.bias$/,
    );
    await expect(load('layer.bias|head', true)).rejects.toThrow(
      /1 missing: head\.weight; 1 of another shape: encoder\.layer\.bias from layer\.bias \[3\] instead of \[2\]$/,
    );
    await expect(load('decoder', true)).rejects.toThrow(
      'partialModuleLoader.selector: expected at least one parameter, but it selects none of scale, encoder.layer',
    );
    expect(new Set(Object.values(valuesOf(value)))).toEqual(new Set([5]));
  });

  test('refuses a selection of another model', async () => {
    const path = await save(newRanker().stateDict());
    const selector = new AllParametersIterator({ model: new Encoder({ dim: 2 }) });
    await expect(new PartialModuleLoader({ value: newRanker(), path, selector }).execute()).rejects.toThrow(
      'partialModuleLoader.selector: expected parameters of Ranker, which does not have layer.weight, layer.bias',
    );
  });
});

describe('SubModuleLoader', () => {
  test('finds the names of the file by identity in the model that was saved', async () => {
    const encoder = new Encoder({ dim: 2 });
    const path = await save(filled(new Encoder({ dim: 2 }), 3).stateDict());
    const value = new Ranker({ dim: 2, encoder, layers: [] });
    // The selector may go through the part: what it selects has other names in the whole.
    const selector = new RegexParametersIterator({ model: encoder, regex: 'norm' });
    const report = await new SubModuleLoader({ value, path, selector, savedValue: encoder }).load();
    expect(report.loaded.get('encoder.norm.weight')).toBe('norm.weight');
    expect(report.loaded.get('encoder.norm.running_mean')).toBe('norm.running_mean');
    expect(report.loaded.size).toBe(5);
    expect(valuesOf(value)).toMatchObject({ 'encoder.norm.bias': 3, 'head.weight': 0 });
  });

  test('takes the names of the model itself by default', async () => {
    const path = await save(filled(newRanker(), 3).stateDict());
    const value = newRanker();
    const selector = new RegexParametersIterator({ model: value.encoder, regex: 'layer' });
    const report = await new SubModuleLoader({ value, path, selector }).load();
    expect([...report.loaded]).toEqual([
      ['encoder.layer.weight', 'encoder.layer.weight'],
      ['encoder.layer.bias', 'encoder.layer.bias'],
    ]);
    expect(valuesOf(value)).toMatchObject({ 'encoder.layer.weight': 3, 'head.weight': 0 });
  });

  test('refuses what the saved model does not have, and what the file does not', async () => {
    const value = newRanker();
    const path = await save(new Map([['layer.weight', F.ones([2, 2])]]));
    const load = (regex: string) =>
      new SubModuleLoader({
        value,
        path,
        selector: new RegexParametersIterator({ model: value, regex }),
        savedValue: value.encoder,
      }).execute();
    await expect(load('head')).rejects.toThrow(
      'subModuleLoader.savedValue: expected a model that has head.weight of Ranker, received Encoder without it',
    );
    await expect(load('layer')).rejects.toThrow(/^subModuleLoader\.path: .* 1 missing: layer\.bias$/);
  });
});
