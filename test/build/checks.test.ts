import { describe, expect, test } from '@jest/globals';
import { importProblems } from '../../scripts/check-imports.ts';
import { styleProblems } from '../../scripts/check-style.ts';
import { temporaryDirectory, writeFiles } from '../support/temporary.ts';

/** The guards themselves: each must fail on what it is for. */

describe('imports', () => {
  function problems(files: Readonly<Record<string, string>>): string[] {
    const lib = temporaryDirectory();
    writeFiles(lib, files);
    return importProblems(lib);
  }

  test('that go down are fine, of values and of types', () => {
    const files = {
      'errors.ts': '',
      'native.ts': "import './errors.ts'; require('bindings');",
      'torch/tensor.ts': "import { native } from '../native.ts';",
      'torch/index.ts': "export * from './tensor.ts';",
      'learning/learner.ts': "import type { Tensor } from '../torch/tensor.ts';",
      'ir/rank.ts': "import { learn } from '../learning/learner.ts';",
    };
    expect(problems(files)).toEqual([]);
  });

  test.each([
    [
      'up',
      { 'torch/a.ts': "import '../learning/b.ts';", 'learning/b.ts': '' },
      'torch must not know learning',
    ],
    [
      'up, of a type',
      { 'torch/a.ts': "import type { B } from '../ir/b.ts';", 'ir/b.ts': '' },
      'torch must not know ir',
    ],
    [
      'up, in a type',
      { 'torch/a.ts': "let b: import('../ir/b.ts').B;", 'ir/b.ts': '' },
      'torch must not know ir',
    ],
    [
      'up, at run time',
      { 'torch/a.ts': "await import('../ir/b.ts');", 'ir/b.ts': '' },
      'torch must not know ir',
    ],
    [
      'up, given on',
      { 'torch/a.ts': "export * from '../ir/b.ts';", 'ir/b.ts': '' },
      'torch must not know ir',
    ],
    [
      'past a layer',
      { 'learning/a.ts': "import '../native.ts';", 'native.ts': '' },
      'learning must not know native',
    ],
    [
      'of an index',
      { 'torch/a.ts': "import './index.ts';", 'torch/index.ts': '' },
      'import the file that defines it',
    ],
    [
      'of an index by an index',
      { 'ir/index.ts': "import './b/index.ts';", 'ir/b/index.ts': '' },
      'the file that defines',
    ],
    ['of the addon', { 'torch/a.ts': "require('../../build/Release/addon.node')" }, 'only native.ts may'],
    ['of the finder of addons', { 'torch/a.ts': "require('bindings')('addon')" }, 'only native.ts may'],
    ['from outside', { 'torch/a.ts': "import '../../scripts/b.ts';" }, 'outside lib'],
    ['in an unknown layer', { 'misc/a.ts': '' }, 'is in no known layer'],
  ])('that go %s are refused', (_, files, sentence) => {
    expect(problems(files as unknown as Record<string, string>)).toEqual([expect.stringContaining(sentence)]);
  });

  test('in a circle are refused, unless a type closes it', () => {
    const files = {
      'torch/a.ts': "import './b.ts';",
      'torch/b.ts': "import './c.ts';",
      'torch/c.ts': "import './a.ts';",
    };
    expect(problems(files)).toEqual(['Circle: torch/a.ts -> torch/b.ts -> torch/c.ts -> torch/a.ts']);
    expect(problems({ ...files, 'torch/c.ts': "import type { A } from './a.ts';" })).toEqual([]);
  });
});

describe('style', () => {
  test('caps files at 400 lines, except generated ones', () => {
    const [fits, tooLong] = [400, 401].map((count) => '\n'.repeat(count)) as [string, string];
    expect(styleProblems('native/a.cc', fits)).toEqual([]);
    expect(styleProblems('native/a.cc', tooLong)).toEqual([
      'native/a.cc: 401 lines, at most 400: split it by purpose',
    ]);
    expect(styleProblems('lib/a.ts', tooLong)).toHaveLength(1);
    expect(styleProblems('lib/torch/generated/a.ts', tooLong)).toEqual([]);
  });

  test('refuses paths of one machine', () => {
    for (const path of ['work', 'tmp', 'root'].map((folder) => `/${folder}/x`)) {
      expect(styleProblems('docs/a.md', `see ${path}`)).toHaveLength(1);
      expect(styleProblems('lib/a.ts', `open('${path}')`)).toHaveLength(1);
    }
    const relative = ['.', '..', 'a'].map((start, i) => `open('${start}/${['work', 'tmp', 'root'][i]}/x')`);
    expect(styleProblems('lib/a.ts', relative.join('; '))).toEqual([]);
  });

  test('refuses a lock file that names a registry, and unfinished code', () => {
    expect(styleProblems('package-lock.json', '"resolved": "x"')).toHaveLength(1);
    expect(styleProblems('lib/a.ts', `// ${'TO'}${'DO'}: later`)).toHaveLength(1);
  });
});
