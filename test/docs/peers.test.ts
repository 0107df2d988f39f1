import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { readPage, root } from './markdown.ts';

const rows = readPage('docs/peers.md')
  .split('\n')
  .filter((line) => line.startsWith('| '))
  .map((line) => line.split(' | ').map((cell) => cell.replace(/^\| |\|$/g, '').trim()))
  .filter((cells) => cells.length > 5 && cells[1] !== 'xpmir' && cells[1] !== '---')
  .map(([feature, ours, shown]) => ({ feature, ours: ours as string, shown: shown as string }));

test('the tables are there', () => expect(rows.length).toBeGreaterThan(60));

test('what we have is shown by a file, what we have not by none', () => {
  const wrong = rows.filter(({ ours, shown }) => ours.startsWith('○') === (shown !== ''));
  expect(wrong).toEqual([]);
});

test('every file named is there', () => {
  const files = rows.flatMap(({ shown }) =>
    [...shown.matchAll(/`([^`]+)`/g)].map(([, file]) => file as string),
  );
  expect(files.filter((file) => !existsSync(join(root, file)))).toEqual([]);
});
