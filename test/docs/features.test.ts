import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';

const root = new URL('../../', import.meta.url);
const page = readFileSync(new URL('docs/features.md', root), 'utf8');
const rows = [...page.matchAll(/^\| (\d+) \| (.+?) \| (.+?) \| (.*?) \| (.*?) \|$/gm)].map(
  ([, number, , state, where, shown]) => ({
    number: Number(number),
    state: state!,
    where: where!,
    shown: shown!,
  }),
);

test('all features are listed, once and in order', () => {
  expect(rows.map(({ number }) => number)).toEqual(Array.from({ length: 104 }, (_, i) => i + 1));
});

test('every file named is there', () => {
  const files = [...page.matchAll(/`((?:lib|test)\/[^`]+)`/g)].map(([, file]) => file as string);
  expect(files.filter((file) => !existsSync(new URL(file, root)))).toEqual([]);
});

test('what is done says where, and which test shows it', () => {
  const done = rows.filter(({ state }) => /^(done|partly)/.test(state));
  expect(done.filter(({ where, shown }) => !where.includes('lib/') || !shown.includes('test/'))).toEqual([]);
  const states = rows.filter(
    ({ state }) => !/^(done|done, differently: .+|partly: .+|later(: .+)?)$/.test(state),
  );
  expect(states).toEqual([]);
});
