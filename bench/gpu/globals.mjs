/** What tests import from `@jest/globals`, made of Node's own runner: for machines where jest is not. */
import {
  after,
  afterEach as afterEachTest,
  before,
  beforeEach,
  describe as group,
  test as one,
} from 'node:test';
import { format } from 'node:util';
import { expect } from 'expect';
import { ModuleMocker } from 'jest-mock';

const withOptions = (run) => (name, body, timeout) =>
  run(name, timeout === undefined ? {} : { timeout }, body && (() => body()));

/** Rows that are no arrays are one argument each; `%p` is shown as Node shows values. */
const each = (run) => (rows) => (name, body, timeout) => {
  for (const row of rows) {
    const args = Array.isArray(row) ? row : [row];
    run(format(name.replaceAll('%p', '%o'), ...args), () => body(...args), timeout);
  }
};

function extended(base, skipped) {
  const run = withOptions(base);
  const skip = (name) => skipped(name);
  return Object.assign(run, { each: each(run), skip: Object.assign(skip, { each: () => skip }) });
}

export const test = extended(one, (name) => one(name, { skip: true }));
export const it = test;
export const describe = extended(
  (name, options, body) => group(name, options, body),
  (name) => group(name, { skip: true }),
);
const mocker = new ModuleMocker(globalThis);
export const jest = { fn: mocker.fn.bind(mocker), spyOn: mocker.spyOn.bind(mocker) };
export { after as afterAll, afterEachTest as afterEach, before as beforeAll, beforeEach, expect };
