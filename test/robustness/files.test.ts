/** Mutated files: each is an error or tensors, and nothing else happens. `npm run fuzz` lets ten times as many through. */
import { expect, test } from '@jest/globals';
import { fuzzedArchives, fuzzedSafetensors } from './files.ts';

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

test('100 mutated TorchScript archives, loaded by another process', async () => {
  const report = await fuzzedArchives(1, 100);
  expect(report.problems).toEqual([]);
  expect(Object.values(report.outcomes).reduce((sum, count) => sum + count, 0)).toBe(100);
  expect(report.outcomes.refused).toBeGreaterThan(10);
  expect(report.outcomes.loaded).toBeGreaterThan(0);
}, 300_000);
