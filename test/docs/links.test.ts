import { existsSync } from 'node:fs';
import { posix } from 'node:path';
import { expect, test } from '@jest/globals';
import { CONTENTS } from '../../scripts/docsContents.ts';
import { anchorsOf, linksOf, pages, root } from './markdown.ts';

const all: readonly string[] = [...pages, 'CHANGELOG.md', 'bench/RESULTS.md'];

/** Undefined where the target of a link is there. */
function problem(page: string, link: string): string | undefined {
  const [path, anchor] = link.split('#') as [string, string?];
  const file = path === '' ? page : posix.join(posix.dirname(page), path);
  if (!existsSync(`${root}/${file}`)) return `${page}: no file ${link}`;
  if (anchor !== undefined && !anchorsOf(file).has(anchor)) return `${page}: no heading ${link}`;
  return undefined;
}

test.each(all)('links of %s lead somewhere', (page) => {
  expect(linksOf(page).flatMap((link) => problem(page, link) ?? [])).toEqual([]);
});

test('every page is reached from the README', () => {
  const reached = new Set(['README.md']);
  for (const page of reached) {
    for (const link of linksOf(page)) {
      const file = posix.join(posix.dirname(page), link.split('#')[0] as string);
      if (file.endsWith('.md')) reached.add(file);
    }
  }
  expect(pages.filter((page) => !reached.has(page))).toEqual([]);
});

test('every page is in the contents of the site, once', () => {
  const others = ['CHANGELOG.md', 'bench/RESULTS.md'];
  const listed = Object.values(CONTENTS).flat();
  expect([...listed].sort()).toEqual([...pages.filter((page) => page !== 'README.md'), ...others].sort());
});
