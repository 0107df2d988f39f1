import { describe, expect, test } from '@jest/globals';
import {
  addPretasks,
  config,
  configure,
  copy,
  identifier,
  int,
  param,
  place,
  setMeta,
} from '../../lib/experiment/index.ts';
import { loadTask } from '../../lib/experiment/load.ts';
import { recordTask, type TaskRecord } from '../../lib/experiment/record.ts';
import { CycleA, CycleB } from './stability.ts';
import { Evaluate, Everything, Load, Model, Tower, Trainer, Warmup } from './tasks.ts';

const everything = (values: { readonly models?: readonly Model[] } = {}) =>
  new Everything({
    big: 2n ** 62n,
    rate: 1,
    odd: [Number.NaN, -0, Infinity, 1],
    names: ['x', 'y'],
    byName: { a: 1, b: null },
    models: [new Model({ size: 1 }), new Model({ size: 1 }), new Model({ size: 2 })],
    towers: [new Tower({ size: 1 }), new Tower({ size: 1 })],
    where: '/etc',
    none: null,
    ...values,
  });

/** As it comes out of params.json. */
const written = (record: TaskRecord) => JSON.parse(JSON.stringify(record)) as TaskRecord;
const workspace = '/workspace';

describe('params.json', () => {
  test('brings back every type, one object for equal ones, two for instance configurations', async () => {
    const original = everything();
    place(original, '/workspace/jobs/x/y');
    const { task } = await loadTask(written(recordTask(original, { workspace })), '/moved');
    const loaded = task as Everything;
    expect({ ...loaded, models: 0, towers: 0 }).toEqual({ ...original, models: 0, towers: 0 });
    expect(Object.is(loaded.odd[1], -0)).toBe(true);
    expect(loaded.models[0]).toBe(loaded.models[1]);
    expect(loaded.models.map(({ size }) => size)).toEqual([1, 1, 2]);
    expect(loaded.towers[0]).not.toBe(loaded.towers[1]);
    expect(loaded.out).toBe('/moved/jobs/x/y/deep/out.json');
    expect(loaded.where).toBe('/etc');
    expect(identifier(loaded)).toBe(identifier(original));
    expect(() => configure(loaded, { rate: 2 })).toThrow('can no longer be changed');
  });

  test('brings back circles', async () => {
    const a = new CycleA();
    configure(a, { b: new CycleB({ a }) });
    for (const root of [a, a.b as CycleB]) {
      const { task } = await loadTask(written(recordTask(root, { workspace })), workspace);
      expect(identifier(task)).toBe(identifier(root));
    }
  });

  test('brings back init tasks and pretasks, which share the objects of the task', async () => {
    const model = new Model({ size: 1 });
    const load = new Load({ model, what: 'weights' });
    const ready = copy(model);
    addPretasks(ready, new Load({ model: ready, what: 'first' }));
    const task = new Evaluate({ model: ready, log: '/log' });
    const loaded = await loadTask(written(recordTask(task, { workspace, initTasks: [load] })), workspace);
    expect(loaded.initTasks.map((each) => (each as Load).what)).toEqual(['weights']);
    expect(loaded.pretasks.map((each) => (each as Load).what)).toEqual(['first']);
    expect((loaded.pretasks[0] as Load).model).toBe((loaded.task as Evaluate).model);
    expect((loaded.initTasks[0] as Load).model).not.toBe((loaded.task as Evaluate).model);
    expect(identifier(loaded.task, loaded.initTasks)).toBe(identifier(task, [load]));
  });

  test('does not merge what differs only in a meta', async () => {
    const [a, b] = [
      new Evaluate({ model: new Model({ size: 1 }), log: '/a' }),
      new Evaluate({ model: new Model({ size: 1 }), log: '/b' }),
    ];
    expect(identifier(a)).toBe(identifier(b));
    expect(recordTask(a, { workspace, initTasks: [b] }).objects).toHaveLength(3);
    const models = [new Model({ size: 1 }), setMeta(new Model({ size: 1 }), true)];
    const { objects } = recordTask(everything({ models }), { workspace });
    expect(objects.filter(({ name }) => name === 'Model')).toHaveLength(2);
  });

  test('names the place of a value that does not fit the declaration', async () => {
    const trainer = new Trainer({ warmups: [new Warmup({ steps: 1 }), new Warmup({ steps: 2 })] });
    const record = recordTask(trainer, { workspace });
    const edited = written(record);
    Object.assign(edited.objects[2]?.values as object, { steps: '100' });
    await expect(loadTask(edited, workspace)).rejects.toThrow(
      'trainer.warmups[1].steps: expected an integer, received "100"',
    );
    const misspelt = written(record);
    Object.assign(misspelt.objects[0]?.values as object, { warmup: [] });
    await expect(loadTask(misspelt, workspace)).rejects.toThrow(
      'trainer.warmup: no such parameter, did you mean warmups?',
    );
  });

  test('says which class is not exported, and which version is not known', async () => {
    class Hidden extends config(import.meta, 'record.Hidden', { x: param(int) }) {}
    const record = recordTask(new Hidden({ x: 1 }), { workspace });
    const moved = {
      ...record,
      objects: record.objects.map((each) => ({
        ...each,
        module: new URL('./tasks.ts', import.meta.url).href,
      })),
    };
    await expect(loadTask(moved, workspace)).rejects.toThrow(
      /^Hidden \(record\.hidden\) is not exported from file:.*tasks\.ts, where a job looks for it$/,
    );
    await expect(loadTask({ ...record, version: 2 } as never, workspace)).rejects.toThrow(
      'params.json: version: expected 1, received 2',
    );
  });
});
