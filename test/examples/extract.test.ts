import { describe, expect, test } from '@jest/globals';
import { extractDeclarations, firstSentence } from '../../examples/jsdoc/extract.ts';

describe('firstSentence', () => {
  test.each([
    ['Reads a whole file. Then more.', 'Reads a whole file.'],
    ['Reads a file, e.g. this one, v1.2 of it', 'Reads a file, e.g. this one, v1.2 of it'],
    ['Reads the\n  whole file', 'Reads the whole file'],
    ['Reads one file.\n\nSecond paragraph', 'Reads one file.'],
    ['Reads these files:\n- one\n- two', 'Reads these files:'],
    ['Calls `fs.close()`. `data` can be anything.', 'Calls fs.close().'],
    ['The **`size`** of a [Map](https://example.org/a(b)).', 'The size of a Map).'],
    ['The **`size`** of it all.\n\n[MDN Reference](https://developer.mozilla.org/x)', 'The size of it all.'],
    ['Like {@link readFile} but <code>later</code> on', 'Like readFile but later on'],
  ])('%j', (comment, sentence) => {
    expect(firstSentence(comment)).toBe(sentence);
  });

  test.each([
    'Deprecated.',
    '',
    '[MDN Reference](https://developer.mozilla.org/x)',
    '```js\nconst a = one two three\n```',
    'x '.repeat(80),
  ])('%j says nothing', (comment) => {
    expect(firstSentence(comment)).toBeUndefined();
  });
});

const SOURCE = `
declare module 'node:files' {
  /** Reads a whole file. @param path where */
  export function readFile(path: string /* the place */, encoding?: 'utf8'): Promise<string>;
  /** Options of all readers here. */
  interface ReadOptions extends BaseOptions {
    /** Size of the inner buffer. */
    bufferSize?: number; // in bytes
    /** What to do on errors. */
    onError(error: Error): void;
    undocumented: string;
  }
  namespace constants {
    /** Opens it for reading only. */
    const O_RDONLY: number;
  }
}
/** A place to keep things. */
export declare class Store<T> {
  /** Makes an empty new store. */
  constructor(size: number);
  /** How many things there are. */
  get size(): number;
  /** Hidden by a second block. */
  /** Puts one more thing in. */
  add(thing: T): this;
}
/** Which way to go. */
declare enum Way {
  /** Up to the sky. */
  Up = 1,
}
/** Not a sentence */
type Short = 1;
`;

describe('extractDeclarations', () => {
  const found = extractDeclarations(SOURCE, 'package/index');

  test('finds what is documented, where it is, and its text without comments', () => {
    expect(
      found.map(({ module, container, name, query, signature }) => [
        module,
        container,
        name,
        query,
        signature,
      ]),
    ).toEqual([
      [
        'files',
        '',
        'readFile',
        'Reads a whole file.',
        "function readFile(path: string, encoding?: 'utf8'): Promise<string>;",
      ],
      [
        'files',
        '',
        'ReadOptions',
        'Options of all readers here.',
        'interface ReadOptions extends BaseOptions { bufferSize; onError; undocumented }',
      ],
      ['files', 'ReadOptions', 'bufferSize', 'Size of the inner buffer.', 'bufferSize?: number;'],
      ['files', 'ReadOptions', 'onError', 'What to do on errors.', 'onError(error: Error): void;'],
      ['files', 'constants', 'O_RDONLY', 'Opens it for reading only.', 'O_RDONLY: number'],
      ['package/index', '', 'Store', 'A place to keep things.', 'class Store { constructor; size; add }'],
      ['package/index', 'Store', 'constructor', 'Makes an empty new store.', 'constructor(size: number);'],
      ['package/index', 'Store', 'size', 'How many things there are.', 'get size(): number;'],
      ['package/index', 'Store', 'add', 'Puts one more thing in.', 'add(thing: T): this;'],
      ['package/index', '', 'Way', 'Which way to go.', 'enum Way { Up }'],
      ['package/index', 'Way', 'Up', 'Up to the sky.', 'Up = 1'],
      ['package/index', '', 'Short', 'Not a sentence', 'type Short = 1;'],
    ]);
  });

  test('no word of a comment gets into a signature', () => {
    for (const { signature } of found) expect(signature).not.toMatch(/\/\*|\*\/|\/\/|whole|bytes|place/);
  });

  test('text that is no TypeScript gives nothing, and no error', () => {
    expect(extractDeclarations('/** This is a lonely comment. */ %%% {{{', 'x')).toEqual([]);
  });
});
