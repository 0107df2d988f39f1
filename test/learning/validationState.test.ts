import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { ValidationHook, ValidationListener } from '../../lib/learning/index.ts';
import { Scripted } from './scripted.ts';
import { newDirectory, toyLearner } from './toy.ts';

describe('what a listener remembers', () => {
  test('its hooks are saved and go on', async () => {
    class Counting extends ValidationHook {
      calls = 0;
      override before(): void {
        this.calls++;
      }
      override stateDict = () => ({ calls: this.calls });
      override loadStateDict = (state: unknown) => {
        this.calls = (state as { calls: number }).calls;
      };
    }
    const path = newDirectory();
    const counts: number[] = [];
    for (const maxEpochs of [2, 4]) {
      const hook = new Counting();
      const listener = new ValidationListener({
        id: 'v',
        evaluator: new Scripted({ rr: [1, 2, 3, 4] }),
        metrics: { rr: true },
        hooks: [hook],
      });
      await toyLearner({ listeners: [listener], maxEpochs }).run({ path, progress: false });
      counts.push(hook.calls);
    }
    // Noted before the second epoch's call, which the second run made again.
    expect(counts).toEqual([2, 4]);
  });

  test('a listener is told from another one in its place, and what it remembers is not in its table', async () => {
    const path = newDirectory();
    const run = (id: string, maxEpochs = 2, warnings: string[] = []) =>
      toyLearner({
        maxEpochs,
        listeners: [new ValidationListener({ id, evaluator: new Scripted({ map: [1, 2, 0] }) })],
      }).run({
        path,
        progress: (event) => {
          if (event.type === 'warning') warnings.push(event.message);
        },
      });
    await run('x');
    await expect(run('y')).rejects.toThrow(
      /^listener y: expected a place of its own, but .*info\.json is of listener x: list the listeners in the order of before/,
    );
    const table = join(path, 'out', 'listeners', '0', 'info.json');
    const whole = readFileSync(table, 'utf8');
    writeFileSync(table, '{');
    const warnings: string[] = [];
    const { metrics } = await run('x', 3, warnings);
    expect(warnings).toEqual([]);
    expect(metrics.get('x/final/map')).toBe(2);
    expect(readFileSync(table, 'utf8')).toBe(whole);
  });

  test('a best value that JSON has not, and metrics with names that paths have', async () => {
    const names = ['rr', 'rr.epoch-00000001', '.', 'a/b', '%'];
    const path = newDirectory();
    const tops: unknown[] = [];
    for (const maxEpochs of [2, 3]) {
      const values = Object.fromEntries(names.map((name) => [name, [1, Number.POSITIVE_INFINITY, 3]]));
      const listener = new ValidationListener({
        id: 'v',
        evaluator: new Scripted(values),
        metrics: Object.fromEntries(names.map((name) => [name, true])),
      });
      const { listeners } = await toyLearner({ listeners: [listener], maxEpochs }).run({
        path,
        progress: false,
      });
      for (const loader of Object.values(listeners.v!)) await loader.execute();
      tops.push([...listener.top.values()]);
    }
    const best = names.map(() => ({ value: Number.POSITIVE_INFINITY, epoch: 2 }));
    expect(tops).toEqual([best, best]);
    const nameless = new ValidationListener({ id: 'v', evaluator: new Scripted({}), metrics: { '': true } });
    await expect(toyLearner({ listeners: [nameless] }).run({ path, progress: false })).rejects.toThrow(
      'learner.listeners[0].metrics: expected names that are not empty, received ""',
    );
  });
});
