/** Whose tensors are whose in flows that take turns, and where those were made that stay. */
import { setImmediate as macrotask } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { ones } from '../../lib/torch/generated/functions.ts';
import { memory, tidy } from '../../lib/torch/scope.ts';
import type { Tensor } from '../../lib/torch/tensor.ts';
import { ended } from '../support/process.ts';

test('scopes of asynchronous flows that take turns free what their own flow made', async () => {
  const before = memory().tensors;
  const seen: Tensor[] = [];
  const flow = (turns: number) =>
    tidy(async () => {
      let sum = ones([1]);
      for (let turn = 1; turn < turns; turn++) {
        seen.push(sum);
        await macrotask();
        sum = sum.add(1);
      }
      return sum;
    });
  const sums = await Promise.all([flow(5), flow(3), flow(4)]);
  expect(sums.map((sum) => sum.item())).toEqual([5, 3, 4]);
  expect(seen.every((tensor) => tensor.isDisposed)).toBe(true);
  expect(memory().tensors - before).toBe(3);
  for (const sum of sums) sum.dispose();
});

test('live tensors are told by the place that made them', async () => {
  const program = fileURLToPath(new URL('children/left.ts', import.meta.url));
  const env = { ...process.env, XPMIR_TRACK_TENSORS: '1' };
  const { output } = await ended(process.execPath, ['--import', 'tsx', program], env);
  expect(output).toMatch(/^3 live tensors by place of creation:\n +3 {2}\S.*left\.ts:5:\d+\)\n$/);
});
