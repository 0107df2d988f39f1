import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';

/** What jest's own realm would break; see environment.mjs. */

class OwnError extends Error {}

test('values that Node itself made are of the classes that a test sees', () => {
  expect(structuredClone(new Float32Array(2))).toBeInstanceOf(Float32Array);
  expect(readFileSync(new URL(import.meta.url)).buffer).toBeInstanceOf(ArrayBuffer);
  expect(new Float32Array(2).buffer).toBeInstanceOf(ArrayBuffer);
});

test('errors that Node itself made are errors, and of no class that they are not', () => {
  const error = structuredClone(new TypeError('made outside'));
  expect(error).toBeInstanceOf(TypeError);
  expect(error).toBeInstanceOf(Error);
  expect(error).not.toBeInstanceOf(RangeError);
  expect(error).not.toBeInstanceOf(OwnError);
  expect(() => readFileSync('/does/not/exist')).toThrow(Error);
});

test('errors of the test realm keep their classes', () => {
  const nothing = null as unknown as { x: number };
  expect(() => nothing.x).toThrow(TypeError);
  expect(new OwnError()).toBeInstanceOf(Error);
  expect(new Error('plain')).not.toBeInstanceOf(OwnError);
});
