import { describe, expect, test } from '@jest/globals';
import { stem } from '../../lib/ir/stem.ts';
import { tokenizeIdentifiers } from '../../lib/ir/tokenize.ts';
import { topK } from '../../lib/ir/topK.ts';

describe('tokenizeIdentifiers', () => {
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

describe('stem', () => {
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

  test('leaves short words and what is no word alone', () => {
    for (const word of ['is', 'utf8', 'größen', '']) expect(stem(word)).toBe(word);
  });
});

describe('topK', () => {
  test('equals sorting everything, equals in order', () => {
    const scores = Float64Array.from({ length: 500 }, (_, i) => (i * 7919) % 23);
    const sorted = [...scores.keys()].sort((a, b) => scores[b]! - scores[a]! || a - b);
    for (const k of [1, 2, 10, 499, 500, 1000]) {
      expect(topK(scores, k).map(({ doc }) => doc)).toEqual(sorted.slice(0, k));
    }
  });

  test('leaves out NaN and what is not above the floor', () => {
    expect(topK([0, Number.NaN, 2, -1, 1], 10, 0)).toEqual([
      { doc: 2, score: 2 },
      { doc: 4, score: 1 },
    ]);
    expect(topK([1, 2], 0)).toEqual([]);
  });
});
