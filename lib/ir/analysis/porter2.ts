/**
 * The English stemmer of Snowball 3, also called Porter2 (https://snowballstem.org/algorithms/english/stemmer.html).
 */
import { SuffixTable } from './suffixes.ts';

/** Words that the rules would treat badly. */
const EXCEPTIONS: ReadonlyMap<string, string> = new Map([
  ['skis', 'ski'],
  ['skies', 'sky'],
  ['idly', 'idl'],
  ['gently', 'gentl'],
  ['ugly', 'ugli'],
  ['early', 'earli'],
  ['only', 'onli'],
  ['singly', 'singl'],
  ...'sky news howe atlas cosmos bias andes'.split(' ').map((word) => [word, word] as const),
]);
/** Beginnings after which the region R1 begins, wherever the rule would put it. */
const BEGINNINGS = 'gener commun arsen past univers later emerg organ inter'.split(' ');
/** Whole words before these suffixes keep them. */
const KEEP_EED = new Set(['proc', 'exc', 'succ']);
const KEEP_ING = new Set(['inn', 'out', 'cann', 'herr', 'earr', 'even']);

const VOWELS = 'aeiouy';
const VALID_LI = 'cdeghkmnrt';
const DOUBLES = new Set(['bb', 'dd', 'ff', 'gg', 'mm', 'nn', 'pp', 'rr', 'tt']);

const STEP_1B = new SuffixTable<undefined>(
  ['eed', 'eedly', 'ed', 'edly', 'ing', 'ingly'].map((suffix) => [suffix, undefined]),
);
interface Replacement {
  readonly by: string;
  /** One of these letters must stand before the suffix. */
  readonly after?: string;
  /** It must lie in R2, not in R1 alone. */
  readonly inR2?: boolean;
}
const to = (by: string, suffixes: string): (readonly [string, Replacement])[] =>
  suffixes.split(' ').map((suffix) => [suffix, { by }]);
const STEP_2 = new SuffixTable<Replacement>([
  ...to('tion', 'tional'),
  ...to('ence', 'enci'),
  ...to('ance', 'anci'),
  ...to('able', 'abli'),
  ...to('ent', 'entli'),
  ...to('ize', 'izer ization'),
  ...to('ate', 'ational ation ator'),
  ...to('al', 'alism aliti alli'),
  ...to('ful', 'fulness fulli'),
  ...to('ous', 'ousli ousness'),
  ...to('ive', 'iveness iviti'),
  ...to('ble', 'biliti bli'),
  ...to('og', 'ogist'),
  ...to('less', 'lessli'),
  ['ogi', { by: 'og', after: 'l' }],
  ['li', { by: '', after: VALID_LI }],
]);
const STEP_3 = new SuffixTable<Replacement>([
  ...to('tion', 'tional'),
  ...to('ate', 'ational'),
  ...to('al', 'alize'),
  ...to('ic', 'icate iciti ical'),
  ...to('', 'ful ness'),
  ['ative', { by: '', inR2: true }],
]);
const STEP_4 = new SuffixTable<Replacement>([
  ...to('', 'al ance ence er ic able ible ant ement ment ent ism ate iti ous ive ize'),
  ['ion', { by: '', after: 'st' }],
]);

/**
 * Strips the suffixes of an English word: `generously` gives `generous`, and `dog's` gives `dog`.
 *
 * @param word in lower case; one of fewer than three characters is returned as it is
 */
export function stemEnglish(word: string): string {
  const exception = EXCEPTIONS.get(word);
  if (exception !== undefined) return exception;
  if (word.length < 3) return word;
  const marked = markConsonantY(word.startsWith("'") ? word.slice(1) : word);
  const r1 = regionOne(marked);
  const r2 = regionAfter(marked, r1);
  let w = pastAndGerund(plural(possessive(marked)), r1);
  const before = w.length - 2;
  if (/[yY]$/.test(w) && before > 0 && !isVowel(w, before)) w = `${w.slice(0, -1)}i`;
  w = replace(w, STEP_2, r1, r2);
  w = replace(w, STEP_3, r1, r2);
  w = replace(w, STEP_4, r2, r2);
  return final(w, r1, r2).replaceAll('Y', 'y');
}

/** A y that begins the word or comes after a vowel is a consonant, written Y from here on. */
function markConsonantY(word: string): string {
  if (!word.includes('y')) return word;
  let marked = '';
  let afterVowel = true; // at the beginning the same holds
  for (const character of word) {
    const isConsonant: boolean = character === 'y' && afterVowel;
    marked += isConsonant ? 'Y' : character;
    afterVowel = !isConsonant && VOWELS.includes(character);
  }
  return marked;
}

function isVowel(w: string, i: number): boolean {
  return i >= 0 && i < w.length && VOWELS.includes(w.charAt(i));
}

function regionOne(w: string): number {
  return BEGINNINGS.find((beginning) => w.startsWith(beginning))?.length ?? regionAfter(w, 0);
}

/** After the first non-vowel that follows a vowel; the end of the word when there is none. */
function regionAfter(w: string, from: number): number {
  let i = from;
  while (i < w.length && !isVowel(w, i)) i++;
  while (i < w.length && isVowel(w, i)) i++;
  return Math.min(i + 1, w.length);
}

/** Step 1a, first half. */
function possessive(w: string): string {
  for (const suffix of ["'s'", "'s", "'"]) if (w.endsWith(suffix)) return w.slice(0, -suffix.length);
  return w;
}

/** Step 1a. */
function plural(w: string): string {
  if (w.endsWith('sses')) return w.slice(0, -2);
  if (w.endsWith('ied') || w.endsWith('ies')) return w.slice(0, w.length > 4 ? -2 : -1);
  if (!w.endsWith('s') || w.endsWith('us') || w.endsWith('ss')) return w;
  return hasVowel(w, w.length - 2) ? w.slice(0, -1) : w;
}

/** Whether there is one among the first letters. */
function hasVowel(w: string, length: number): boolean {
  for (let i = 0; i < length; i++) if (isVowel(w, i)) return true;
  return false;
}

/** Step 1b. */
function pastAndGerund(w: string, r1: number): string {
  const suffix = STEP_1B.find(w)?.[0];
  if (suffix === undefined) return w;
  const length = w.length - suffix.length;
  const base = w.slice(0, length);
  if (suffix.startsWith('eed')) return length >= r1 && !KEEP_EED.has(base) ? `${base}ee` : w;
  if (suffix === 'ing') {
    if (length === 2 && base.endsWith('y') && !isVowel(base, 0)) return `${base.charAt(0)}ie`;
    if (KEEP_ING.has(base)) return w;
  }
  if (!hasVowel(base, length)) return w;
  if (base.endsWith('at') || base.endsWith('bl') || base.endsWith('iz')) return `${base}e`;
  if (DOUBLES.has(base.slice(-2)))
    return length === 3 && 'aeo'.includes(base.charAt(0)) ? base : base.slice(0, -1);
  return length === r1 && endsInShortSyllable(base) ? `${base}e` : base;
}

function endsInShortSyllable(w: string): boolean {
  const n = w.length;
  if (w.endsWith('past')) return true;
  if (n === 2) return isVowel(w, 0) && !isVowel(w, 1);
  return (
    n > 2 && !isVowel(w, n - 3) && isVowel(w, n - 2) && !isVowel(w, n - 1) && !'wxY'.includes(w.charAt(n - 1))
  );
}

/** Steps 2 to 4: of the suffixes that fit, the longest decides, whether it is then replaced or not. */
function replace(w: string, rules: SuffixTable<Replacement>, region: number, r2: number): string {
  const rule = rules.find(w);
  if (rule === undefined) return w;
  const [suffix, { by, after, inR2 = false }] = rule;
  const length = w.length - suffix.length;
  const fits =
    length >= (inR2 ? r2 : region) &&
    (after === undefined || (length > 0 && after.includes(w.charAt(length - 1))));
  return fits ? w.slice(0, length) + by : w;
}

/** Step 5. */
function final(w: string, r1: number, r2: number): string {
  const length = w.length - 1;
  const base = w.slice(0, length);
  if (w.endsWith('e')) return length >= r2 || (length >= r1 && !endsInShortSyllable(base)) ? base : w;
  return w.endsWith('ll') && length >= r2 ? base : w;
}
