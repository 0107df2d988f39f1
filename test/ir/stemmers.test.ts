import { describe, expect, test } from '@jest/globals';
import { stem } from '../../lib/ir/analysis/porter.ts';
import { stemEnglish } from '../../lib/ir/analysis/porter2.ts';
import { loadFixture } from '../support/fixtures.ts';

interface Stems {
  readonly words: readonly string[];
  readonly porter: readonly string[];
  readonly english: readonly string[];
}
const { words, porter, english } = loadFixture<Stems>('stems.json.gz');

describe('porter', () => {
  // The examples of Porter's paper, step by step, and some whole words.
  test.each([
    'caresses caress, ponies poni, ties ti, caress caress, cats cat',
    'feed feed, agreed agre, plastered plaster, bled bled, motoring motor, sing sing',
    'conflated conflat, troubled troubl, sized size, hopping hop, tanned tan, falling fall, hissing hiss',
    'fizzed fizz, failing fail, filing file, happy happi, sky sky, trying try, says sai',
    'relational relat, conditional condit, rational ration, digitizer digit, radicalli radic, vileli vile',
    'vietnamization vietnam, predication predic, operator oper, feudalism feudal, hopefulness hope',
    'sensitiviti sensit, sensibiliti sensibl, triplicate triplic, formative form, electrical electr',
    'revival reviv, allowance allow, airliner airlin, adjustable adjust, replacement replac, dependent depend',
    'adoption adopt, communism commun, activate activ, effective effect, probate probat, rate rate, cease ceas',
    'controll control, roll roll, generalizations gener, oscillators oscil, connections connect',
  ])('%s', (pairs) => {
    for (const pair of pairs.split(', ')) {
      const [word, stemmed] = pair.split(' ');
      expect(`${word} ${stem(word!)}`).toBe(`${word} ${stemmed}`);
    }
  });

  test('equals PyStemmer, but for words of two letters and doubled consonants that no English word ends in', () => {
    // The paper undoubles every consonant but l, s and z, Snowball those that occur.
    const differs = words.filter((word, i) => {
      const isPaper = word.length < 3 || !/^[a-z]+$/.test(word) || /([chjkqvwx])\1(ed|ing)/.test(word);
      return !isPaper && stem(word) !== porter[i];
    });
    expect(words.length).toBeGreaterThan(10_000);
    expect(differs).toEqual([]);
  });

  test('leaves short words and what is no word alone', () => {
    for (const word of ['is', 'utf8', 'größen', '']) expect(stem(word)).toBe(word);
  });
});

test('porter2 equals PyStemmer', () => {
  const differs = words.filter((word, i) => stemEnglish(word) !== english[i]);
  expect(differs).toEqual([]);
});

test('a word as long as a text takes no longer than it should', () => {
  const long = 'y'.repeat(1_000_000);
  expect(stem(long)).toHaveLength(1_000_000);
  expect(stemEnglish(long)).toHaveLength(1_000_000);
});
