/** What `npm run package` looks at before anything is packed. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { contentProblems } from '../../scripts/package/contents.ts';
import { newerSymbols, newerThanFloors } from '../../scripts/package/symbols.ts';
import { temporaryDirectory, writeFiles } from '../support/temporary.ts';

const built = fileURLToPath(new URL('../../build/Release/', import.meta.url));

test.each(['addon.node', 'preload.node'])(
  '%s runs with the glibc and libstdc++ that libtorch needs',
  (name) => {
    expect(newerSymbols(join(built, name))).toEqual([]);
  },
);

test('a newer symbol is named', () => {
  const line = (version: string, name: string) =>
    `0000000000000000      DF *UND*\t0000000000000000 (${version}) ${name}\n`;
  const own = '0000000000001000 g    DF .text\t0000000000000010  Base        init\n';
  const table =
    own + line('GLIBC_2.28', 'statx') + line('GLIBC_2.33', 'fstat') + line('GLIBCXX_3.4.30', 'wait');
  expect(newerThanFloors(table)).toEqual([
    'fstat of GLIBC_2.33, newer than GLIBC_2.28',
    'wait of GLIBCXX_3.4.30, newer than GLIBCXX_3.4.25',
  ]);
});

test('files that do not belong into a package, and paths of a machine, are named', () => {
  const directory = temporaryDirectory();
  writeFiles(directory, {
    'dist/index.js': 'fine',
    'dist/index.js.map': '{"sources":["/somewhere/me/work/lib/index.ts"]}',
    'dist/a.test.js': '',
    'binding.gyp': '',
    '1.0/addon.node': 'assert in /somewhere/me/cache/torch.h',
    'licenses/LICENSE': 'of /somewhere/me/',
  });
  expect(contentProblems(directory, ['/somewhere/me']).sort()).toEqual([
    '1.0/addon.node holds the path /somewhere/me',
    'binding.gyp does not belong into a package',
    'dist/a.test.js does not belong into a package',
    'dist/index.js.map holds the path /somewhere/me',
  ]);
});
