/**
 * The Porter stemmer (M. F. Porter, "An algorithm for suffix stripping", 1980), without later amendments.
 */
import { SuffixTable } from './suffixes.ts';

const STEP_2 = new SuffixTable<string>([
  ['ational', 'ate'],
  ['tional', 'tion'],
  ['enci', 'ence'],
  ['anci', 'ance'],
  ['izer', 'ize'],
  ['abli', 'able'],
  ['alli', 'al'],
  ['entli', 'ent'],
  ['eli', 'e'],
  ['ousli', 'ous'],
  ['ization', 'ize'],
  ['ation', 'ate'],
  ['ator', 'ate'],
  ['alism', 'al'],
  ['iveness', 'ive'],
  ['fulness', 'ful'],
  ['ousness', 'ous'],
  ['aliti', 'al'],
  ['iviti', 'ive'],
  ['biliti', 'ble'],
]);
const STEP_3 = new SuffixTable<string>([
  ['icate', 'ic'],
  ['ative', ''],
  ['alize', 'al'],
  ['iciti', 'ic'],
  ['ical', 'ic'],
  ['ful', ''],
  ['ness', ''],
]);
/** The letters that must stand before a suffix for it to go; all may where there are none. */
const STEP_4 = new SuffixTable<string>([
  ...'al ance ence er ic able ible ant ement ment ent ou ism ate iti ous ive ize'
    .split(' ')
    .map((suffix) => [suffix, ''] as const),
  ['ion', 'st'],
]);

/**
 * Strips the suffixes of an English word: `connections` gives `connect`.
 *
 * @param word lower-case letters; a word with anything else, or of fewer than three letters, is returned as it is
 */
export function stem(word: string): string {
  if (word.length < 3 || !isLowerCase(word)) return word;
  let w = pastAndGerund(plural(word));
  if (w.endsWith('y') && hasVowel(w, w.length - 1)) w = `${w.slice(0, -1)}i`;
  w = replaceLongest(replaceLongest(w, STEP_2), STEP_3);
  const rule = STEP_4.find(w);
  if (rule !== undefined) {
    const length = w.length - rule[0].length;
    if ((rule[1] === '' || rule[1].includes(w.charAt(length - 1))) && measure(w, length) > 1)
      w = w.slice(0, length);
  }
  return finalE(w);
}

function isLowerCase(word: string): boolean {
  for (let i = 0; i < word.length; i++) {
    const code = word.charCodeAt(i);
    if (code < 97 || code > 122) return false;
  }
  return true;
}

/** Step 1a. */
function plural(w: string): string {
  if (!w.endsWith('s')) return w;
  if (w.endsWith('sses') || w.endsWith('ies')) return w.slice(0, -2);
  return w.endsWith('ss') ? w : w.slice(0, -1);
}

/** Step 1b. */
function pastAndGerund(w: string): string {
  if (w.endsWith('eed')) return measure(w, w.length - 3) > 0 ? w.slice(0, -1) : w;
  const length = w.endsWith('ed') ? w.length - 2 : w.endsWith('ing') ? w.length - 3 : undefined;
  if (length === undefined || !hasVowel(w, length)) return w;
  const base = w.slice(0, length);
  if (base.endsWith('at') || base.endsWith('bl') || base.endsWith('iz')) return `${base}e`;
  const last = base.charAt(length - 1);
  // In `yy` the first is a vowel.
  if (length > 1 && base.charAt(length - 2) === last && !isVowel(base, length - 1) && last !== 'y')
    return 'lsz'.includes(last) ? base : base.slice(0, -1);
  return measure(base, length) === 1 && endsInCvc(base, length) ? `${base}e` : base;
}

/** Steps 2 and 3: of the suffixes that fit, the longest decides, whether it is then replaced or not. */
function replaceLongest(w: string, rules: SuffixTable<string>): string {
  const rule = rules.find(w);
  if (rule === undefined) return w;
  const length = w.length - rule[0].length;
  return measure(w, length) > 0 ? w.slice(0, length) + rule[1] : w;
}

/** Step 5. */
function finalE(w: string): string {
  let result = w;
  if (w.endsWith('e')) {
    const length = w.length - 1;
    const m = measure(w, length);
    if (m > 1 || (m === 1 && !endsInCvc(w, length))) result = w.slice(0, length);
  }
  return result.endsWith('ll') && measure(result, result.length - 1) > 1 ? result.slice(0, -1) : result;
}

/** A y is a vowel after a consonant. */
function isVowel(w: string, i: number): boolean {
  switch (w.charCodeAt(i)) {
    case 97: // a
    case 101: // e
    case 105: // i
    case 111: // o
    case 117: // u
      return true;
    case 121: {
      // y
      let first = i;
      while (first > 0 && w.charCodeAt(first - 1) === 121) first--;
      const afterConsonant = first > 0 && !isVowel(w, first - 1);
      return (i - first) % 2 === (afterConsonant ? 0 : 1);
    }
    default:
      return false;
  }
}

function hasVowel(w: string, length: number): boolean {
  for (let i = 0; i < length; i++) if (isVowel(w, i)) return true;
  return false;
}

/** The m of [C](VC)^m[V], of the first letters of a word. */
function measure(w: string, length: number): number {
  let m = 0;
  let vowel = false;
  for (let i = 0; i < length; i++) {
    // Not `isVowel`: a word of y alone would be walked back from each of its letters.
    const next: boolean = w.charCodeAt(i) === 121 ? i > 0 && !vowel : isVowel(w, i);
    if (vowel && !next) m++;
    vowel = next;
  }
  return m;
}

/** Consonant, vowel, consonant, the last of them not w, x or y. */
function endsInCvc(w: string, length: number): boolean {
  if (length < 3 || 'wxy'.includes(w.charAt(length - 1))) return false;
  return !isVowel(w, length - 3) && isVowel(w, length - 2) && !isVowel(w, length - 1);
}
