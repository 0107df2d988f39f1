import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Analyzer, type AnalyzerOptions } from '../../lib/ir/analysis/analyzer.ts';
import { tokenizeIdentifiers } from '../../lib/ir/analysis/identifiers.ts';
import { STOP_WORDS } from '../../lib/ir/analysis/stopWords.ts';
import { TOKENIZERS } from '../../lib/ir/analysis/tokenizers.ts';

const wordsOf = (text: string): string[] => {
  const found: string[] = [];
  TOKENIZERS.words(text, (token) => found.push(token));
  return found;
};
const terms = (text: string, options?: AnalyzerOptions) => new Analyzer(options).terms(text).join(' ');

describe('words', () => {
  test.each([
    ["don't stop", "don't stop"],
    ["the dogs' bone's end'", "the dogs bone's end"],
    ['it’s', "it's"],
    ['3.14 and 1,000,000. 5, 6', '3.14 and 1,000,000 5 6'],
    ['example.com e.g. U.S.A.', 'example com e g U S A'],
    ['foo_bar utf-8 C++ a/b', 'foo_bar utf 8 C a b'],
    ['naïve Größe Ärzte', 'naïve Größe Ärzte'],
    ['東京都 カタカナ ひら', '東 京 都 カタカナ ひ ら'],
    ['한국어 हिन्दी', '한국어 हिन्दी'],
    ['😀 a😀b', 'a b'],
    ['', ''],
    ["' . , '' 1. .5 'a", '1 5 a'],
  ])('%s', (text, expected) => {
    expect(wordsOf(text).join(' ')).toBe(expected);
  });

  test('are the same whether all of a text is ASCII or not', () => {
    const text = fc.string({ unit: fc.constantFrom(...`aB1_'.,- \n`), maxLength: 40 });
    fc.assert(fc.property(text, (ascii) => expect([...wordsOf(ascii), 'é']).toEqual(wordsOf(`${ascii} é`))));
  });
});

describe('identifiers', () => {
  test.each([
    ['readFileSync', 'read file sync'],
    ['HTTPServer', 'http server'],
    ['max_old_space', 'max old space'],
    ['MAX_SAFE_INTEGER', 'max safe integer'],
    ['utf8ToBase64URL', 'utf8 to base64 url'],
    ['node:fs/promises', 'node fs promises'],
    ["Reads the file's lines.", 'reads the file s lines'],
    ['isNaN', 'is na n'],
    ['XMLHttpRequest2', 'xml http request2'],
    ['größeÄndern', 'größe ändern'],
    ['a', 'a'],
    ['42', '42'],
    ['() => {}', ''],
  ])('%s', (text, tokens) => {
    expect(tokenizeIdentifiers(text).join(' ')).toBe(tokens);
  });
});

describe('analyzer', () => {
  test('lower case, possessives, stop words, stems, in this order', () => {
    expect(terms("The dog's owners aren't in THE houses")).toBe("dog owner aren't hous");
    expect(terms('generously', { stemmer: 'porter2' })).toBe('generous');
    expect(terms('The houses', { stemmer: 'none', stopWords: 'none' })).toBe('the houses');
    expect(terms('The Houses', { stemmer: 'none', lowercase: false })).toBe('The Houses');
    expect(terms('you and I', { stopWords: 'snowball' })).toBe('');
    expect(terms('red green', { stopWords: ['red'] })).toBe('green');
    expect(terms("dog's", { possessives: false, stemmer: 'none' })).toBe("dog's");
  });

  test('the lists are of 33 and of 174 words', () => {
    expect([STOP_WORDS.lucene.size, STOP_WORDS.snowball.size]).toEqual([33, 174]);
  });

  test('normalizes what Unicode writes in several ways', () => {
    expect(terms('ﬁle ﬁles Ｆile')).toBe('file file file');
    expect(terms('cafe\u0301 CAFÉ')).toBe('café café');
    expect(terms('Ｆile', { normalization: 'NFC' })).toBe('ｆile');
    expect(terms('Café naïve Ångström', { foldAccents: true, stemmer: 'none' })).toBe('cafe naive angstrom');
  });

  test('leaves out tokens that are too long', () => {
    expect(terms(`${'x'.repeat(255)} ${'y'.repeat(256)}`)).toBe('x'.repeat(255));
    expect(terms('abc abcd', { maxTokenLength: 3 })).toBe('abc');
  });

  test('words that JavaScript knows are words', () => {
    expect(terms('__proto__ constructor toString', { stemmer: 'none' })).toBe(
      '__proto__ constructor tostring',
    );
  });

  test('more different words than are kept', () => {
    const text = Array.from({ length: 70_000 }, (_, i) => `w${i}`).join(' ');
    const analyzer = new Analyzer();
    expect(analyzer.terms(text)).toHaveLength(70_000);
    expect(analyzer.terms('w1 w69999')).toEqual(['w1', 'w69999']);
  });

  test('its options make the same one again', () => {
    const { options } = new Analyzer({ tokenizer: 'identifiers', stopWords: ['a'] });
    const again = new Analyzer(JSON.parse(JSON.stringify(options)));
    expect(again.options).toEqual(options);
    expect(again.terms('a fileName')).toEqual(['file', 'name']);
  });

  test.each([
    [{ stemmer: 'lovins' }, 'Expected one of none, porter, porter2 for stemmer but received "lovins"'],
    [{ tokenizer: 'toString' }, 'Expected one of words, identifiers, whitespace for tokenizer'],
    [{ stopWords: 'smart' }, 'Expected one of none, lucene, snowball for stopWords but received "smart"'],
    [{ stopWords: [1] }, 'Expected the name of a list or an array of words for stopWords but received [1]'],
    [{ lowercase: 1 }, 'Expected a boolean for lowercase but received 1'],
    [{ maxTokenLength: 0 }, 'Expected a positive integer for maxTokenLength but received 0'],
    [{ stopwords: 'none' }, 'did you mean stopWords?'],
    [{ normalization: 'NFD' }, 'Expected one of none, NFC, NFKC for normalization but received "NFD"'],
  ])('refuses %j', (options, message) => {
    expect(() => new Analyzer(options as AnalyzerOptions)).toThrow(message);
  });
});
