import { describe, expect, test } from '@jest/globals';
import { differences } from '../../lib/experiment/differences.ts';
import type { Config } from '../../lib/experiment/index.ts';
import {
  config,
  configure,
  constant,
  dict,
  float,
  identifier,
  int,
  list,
  optional,
  param,
  set,
  setMeta,
  string,
} from '../../lib/experiment/index.ts';
import { recordTask } from '../../lib/experiment/record.ts';
import { CycleA, CycleB } from './stability.ts';
import { begin, newPlace } from './support.ts';
import { Add, Evaluate, Load, Model, Total } from './tasks.ts';

class Optimizer extends config(import.meta, 'd.Optimizer', {
  lr: param(float, { default: 0.1, ignoreDefault: true }),
  names: param(set(string), { default: [] }),
}) {}
class Other extends config(import.meta, 'd.Other', {}, Optimizer) {}
class Learner extends config(import.meta, 'd.Learner', {
  optimizers: param(list(Optimizer), { default: [] }),
  sizes: param(dict(int), { default: {} }),
  epochs: param(optional(int)),
  version: constant(int, 1),
}) {}

const record = (task: Config, initTasks: Config[] = []) => recordTask(task, { workspace: '/w', initTasks });
const between = (left: Config, right: Config) => {
  expect(identifier(left)).not.toBe(identifier(right));
  return differences(record(left), record(right)).map(({ at, left, right }) => `${at}: ${left} -> ${right}`);
};

describe('differences', () => {
  test('are named by their path', () => {
    const adam = (lr: number, names: string[] = []) => new Optimizer({ lr, names });
    expect(
      between(
        new Learner({ optimizers: [adam(1), adam(2)] }),
        new Learner({ optimizers: [adam(1), adam(3)] }),
      ),
    ).toEqual(['learner.optimizers[1].lr: 2 -> 3']);
    expect(
      between(new Learner({ optimizers: [adam(1)] }), new Learner({ optimizers: [new Other({ lr: 1 })] })),
    ).toEqual(['learner.optimizers[0]: d.optimizer -> d.other']);
    expect(
      between(
        new Learner({ optimizers: [adam(1, ['a', 'b'])] }),
        new Learner({ optimizers: [adam(1, ['c', 'a'])] }),
      ),
    ).toEqual(['learner.optimizers[0].names: {"a", "b"} -> {"a", "c"}']);
    expect(
      between(new Learner({ sizes: { a: 1, b: 2 }, epochs: 3 }), new Learner({ sizes: { a: 2, c: 2 } })),
    ).toEqual([
      'learner.epochs: 3 (int) -> none (not in the identity)',
      'learner.sizes["a"]: 1 -> 2',
      'learner.sizes["b"]: 2 -> nothing',
      'learner.sizes["c"]: nothing -> 2',
    ]);
    const [one] = [adam(1)];
    expect(between(new Learner({ optimizers: [one] }), new Learner())).toEqual([
      expect.stringMatching(/^learner\.optimizers\[0\]: Optimizer [0-9a-f]{8} -> nothing$/),
    ]);
  });

  test('are those of the identity: a default that is left out shows as such, a meta does not show', () => {
    const left = new Learner({ optimizers: [new Optimizer(), setMeta(new Optimizer({ lr: 7 }), true)] });
    expect(between(left, new Learner({ optimizers: [new Optimizer({ lr: 0.2 })] }))).toEqual([
      'learner.optimizers[0].lr: 0.1 (not in the identity) -> 0.2 (float)',
    ]);
  });

  test('are seen where only the declaration changed', () => {
    class Newer extends config(import.meta, 'd.Learner', {
      version: constant(int, 2),
      epochs: param(float),
    }) {}
    class Older extends config(import.meta, 'd.Learner', { version: constant(int, 1), epochs: param(int) }) {}
    expect(between(new Older({ epochs: 3 }), new Newer({ epochs: 3 }))).toEqual([
      'older.epochs: 3 (int) -> 3 (float)',
      'older.version: 1 -> 2',
    ]);
  });

  test('end in circles', () => {
    const circle = (closed: boolean) => {
      const a = new CycleA();
      const b = new CycleB({ a });
      configure(a, { b: closed ? b : new CycleB({ a: new CycleA() }) });
      return a;
    };
    expect(between(circle(true), circle(false))).toEqual([
      expect.stringMatching(/^cycleA\.b\.a\.b: CycleB .* \(config\) -> none \(not in the identity\)$/),
    ]);
  });

  test('go on in the jobs whose outputs are used, and in init tasks', async () => {
    const xp = begin(newPlace(), { mode: 'dryRun' });
    const [one, two] = [1, 2].map((a) => new Add({ a, log: '/log' }).submit());
    const totals = [one, two].map((sum) => new Total({ sums: [sum as never], log: '/log' }));
    for (const total of totals) total.submit();
    const [left, right] = totals.map((total) => record(total)) as [
      ReturnType<typeof record>,
      ReturnType<typeof record>,
    ];
    const shown = (found: ReturnType<typeof differences>) =>
      found.map(({ at, left, right }) => `${at}: ${left} -> ${right}`);
    expect(shown(differences(left, right))).toEqual([
      expect.stringMatching(
        /^total\.sums\[0\]: output of test\.tasks\.add\/[0-9a-f]{8} -> output of test\.tasks\.add\/[0-9a-f]{8}$/,
      ),
    ]);
    const find = ({ identifier: id }: { readonly identifier: string }) => {
      const a = xp.jobs.findIndex((job) => job.identifier === id) + 1;
      return record(new Add({ a, log: '/log' }));
    };
    expect(shown(differences(left, right, find))).toEqual(['total.sums[0] <- add.a: 1 -> 2']);

    const model = new Model({ size: 1 });
    const evaluate = (...what: string[]) =>
      record(
        new Evaluate({ model, log: '/log' }),
        what.map((each) => new Load({ model, what: each })),
      );
    expect(shown(differences(evaluate('a', 'b'), evaluate('a', 'c')))).toEqual([
      'evaluate.initTasks[1].what: "b" -> "c"',
    ]);
    expect(differences(evaluate('a'), evaluate('a'))).toEqual([]);
  });
});
