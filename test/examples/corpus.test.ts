import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { buildCorpus, declarationFiles, readDeclarations } from '../../examples/jsdoc/corpus.ts';
import { type Declaration, documentText } from '../../examples/jsdoc/declaration.ts';
import { hashedFeatures, terms } from '../../examples/jsdoc/text.ts';

function declaration(query: string, name: string, more: Partial<Declaration> = {}): Declaration {
  return { query, name, container: '', module: 'm', signature: `function ${name}(): void;`, ...more };
}

const partsOf = (declarations: Declaration[]) => buildCorpus(declarations).topics.map(({ part }) => part);

describe('buildCorpus', () => {
  test('copies are one document, overloads too, with all their signatures', () => {
    const { documents, topics } = buildCorpus([
      declaration('Reads a file.', 'read', { signature: 'function read(path: string): void;' }),
      declaration('Reads a file.', 'read', {
        signature: 'function read(path: string): void;',
        module: 'copy',
      }),
      declaration('Reads by number.', 'read', { signature: 'function read(fd: number): void;' }),
    ]);
    expect(documents.map(({ query, signature }) => [query, signature])).toEqual([
      ['Reads a file.', 'function read(path: string): void; function read(fd: number): void;'],
    ]);
    expect(topics).toMatchObject([{ text: 'Reads a file.', relevant: [0] }]);
  });

  test('equal sentences are one topic with several relevant documents, unless they are about anything', () => {
    const { documents, topics } = buildCorpus([
      declaration('The length in bytes.', 'byteLength', { container: 'Int8Array' }),
      declaration('the length in bytes.', 'byteLength', { container: 'Int16Array' }),
      ...['a', 'b', 'c', 'd'].map((name) => declaration('Only in secure contexts.', name)),
    ]);
    expect(documents).toHaveLength(6);
    expect(topics).toMatchObject([{ text: 'The length in bytes.', relevant: [0, 1] }]);
  });

  test('near-duplicates share a part: most words, or place and name', () => {
    for (let i = 0; i < 40; i++) {
      const words = `Computes the ${'alpha beta gamma delta epsilon zeta'} of thing${i}`;
      const [a, b, c, d] = partsOf([
        declaration(`${words}.`, `one${i}`),
        declaration(`${words} now.`, `other${i}`),
        declaration(`Wholly different words about item${i}.`, `x${i}`, { container: `C${i}` }),
        declaration(`Nothing in common with anything${i}.`, `x${i}`, { container: `C${i}`, module: 'n' }),
      ]);
      expect(b).toBe(a);
      expect(d).toBe(c);
    }
  });

  test('parts are about 8 : 1 : 1, and do not depend on the order', () => {
    const many = Array.from({ length: 3000 }, (_, i) =>
      declaration(`word${i} other${i} more${i}`, `name${i}`),
    );
    const parts = partsOf(many);
    expect(partsOf([...many].reverse()).reverse()).toEqual(parts);
    const share = (part: string) => parts.filter((each) => each === part).length / many.length;
    // Four standard deviations of a binomial with n = 3,000 and p = 0.1.
    expect(Math.abs(share('test') - 0.1)).toBeLessThan(0.022);
    expect(Math.abs(share('validation') - 0.1)).toBeLessThan(0.022);
  });
});

describe('text', () => {
  test('a document is never its documentation', () => {
    const { query, ...rest } = declaration('Flubber wibbles.', 'x', { container: 'C' });
    expect(documentText({ query, ...rest })).toBe('m C function x(): void;');
  });

  test('terms are stemmed and without stop words', () => {
    expect(terms('Reads the files that readFileSync is reading')).toEqual([
      'read',
      'file',
      'read',
      'file',
      'sync',
      'read',
    ]);
  });

  test('features are words and three-letter pieces, each once', () => {
    // The word and <re rea ead ad>, then the word and <a>; again nothing new.
    expect(hashedFeatures('read a read', 2 ** 30)).toHaveLength(7);
    expect(new Set(hashedFeatures('readFile readFile', 64)).size).toBe(hashedFeatures('readFile', 64).length);
    expect(hashedFeatures('???', 64)).toHaveLength(0);
  });
});

test('files are found in every folder and named by their package', () => {
  const root = mkdtempSync(join(tmpdir(), 'xpmir-corpus-'));
  const files = {
    '@types/tool/index.d.ts': '/** Does one thing well. */ export declare function one(): void;',
    'a/node_modules/b/lib/deep.d.mts': '/** Does another thing well. */ export declare function two(): void;',
    'a/plain.ts': '/** Does not count here. */ export declare function three(): void;',
  };
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  expect(declarationFiles(root)).toHaveLength(2);
  expect(readDeclarations(root).map(({ module, name }) => [module, name])).toEqual([
    ['tool', 'one'],
    ['b/lib/deep', 'two'],
  ]);
  expect(() => declarationFiles(join(root, 'nowhere'))).toThrow(
    /^Expected a directory for --from but received .*nowhere$/,
  );
});
