/** Mutated files: each is an error or tensors, and nothing else happens. `npm run fuzz` lets ten times as many through. */
import { expect, test } from '@jest/globals';
import { fuzzedSafetensors } from './files.ts';

test('20,000 mutated safetensors files, read and mapped', async () => {
  const report = await fuzzedSafetensors(1, 20_000);
  expect(report.problems).toEqual([]);
  expect(report.files).toBe(20_000);
  expect(report.outcomes.accepted).toBeGreaterThan(1000);
  expect(Object.keys(report.outcomes).length).toBeGreaterThan(12);
  // A machine under load is slow without a hang.
  expect(report.slowest.seconds).toBeLessThan(30);
  expect(report.grown).toBeLessThan(4 * report.bytes + 2 ** 24);
}, 600_000);
