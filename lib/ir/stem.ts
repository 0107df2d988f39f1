/**
 * The Porter stemmer (M. F. Porter, "An algorithm for suffix stripping", 1980), without later amendments.
 */

const CONSONANT = '(?:[^aeiouy]|(?<=[aeiou])y|(?<![a-z])y)';
const VOWEL = '(?:[aeiou]|(?<=[a-z])(?<![aeiou])y)';
/** m of [C](VC)^m[V] is at least 1, is 1, is at least 2. */
const M_GT_0 = new RegExp(`^${CONSONANT}*${VOWEL}+${CONSONANT}`);
const M_EQ_1 = new RegExp(`^${CONSONANT}*${VOWEL}+${CONSONANT}+${VOWEL}*$`);
const M_GT_1 = new RegExp(`^${CONSONANT}*${VOWEL}+${CONSONANT}+${VOWEL}+${CONSONANT}`);
const HAS_VOWEL = new RegExp(VOWEL);
const DOUBLE_CONSONANT = /([^aeiou])\1$/;
/** Consonant, vowel, consonant at the end, the last of them not w, x or y. */
const CVC = new RegExp(`^${CONSONANT}*${VOWEL}[^aeiouwxy]$|${CONSONANT}${VOWEL}[^aeiouwxy]$`);

const STEP_2: readonly (readonly [string, string])[] = [
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
];
const STEP_3: readonly (readonly [string, string])[] = [
  ['icate', 'ic'],
  ['ative', ''],
  ['alize', 'al'],
  ['iciti', 'ic'],
  ['ical', 'ic'],
  ['ful', ''],
  ['ness', ''],
];
const STEP_4 = /(al|ance|ence|er|ic|able|ible|ant|ement|ment|ent|(?<=[st])ion|ou|ism|ate|iti|ous|ive|ize)$/;

/**
 * Strips the suffixes of an English word: `connections` gives `connect`.
 *
 * @param word lower-case letters; a word with anything else, or of fewer than three letters, is returned as it is
 */
export function stem(word: string): string {
  if (!/^[a-z]{3,}$/.test(word)) return word;
  let w = plural(word);
  w = pastAndGerund(w);
  if (w.endsWith('y') && HAS_VOWEL.test(w.slice(0, -1))) w = `${w.slice(0, -1)}i`;
  w = replaceLongest(w, STEP_2);
  w = replaceLongest(w, STEP_3);
  const suffix = STEP_4.exec(w);
  if (suffix !== null && M_GT_1.test(w.slice(0, suffix.index))) w = w.slice(0, suffix.index);
  return finalE(w);
}

/** Step 1a. */
function plural(w: string): string {
  if (w.endsWith('sses') || w.endsWith('ies')) return w.slice(0, -2);
  return w.endsWith('s') && !w.endsWith('ss') ? w.slice(0, -1) : w;
}

/** Step 1b. */
function pastAndGerund(w: string): string {
  if (w.endsWith('eed')) return M_GT_0.test(w.slice(0, -3)) ? w.slice(0, -1) : w;
  const base = w.endsWith('ed') ? w.slice(0, -2) : w.endsWith('ing') ? w.slice(0, -3) : undefined;
  if (base === undefined || !HAS_VOWEL.test(base)) return w;
  if (/(at|bl|iz)$/.test(base)) return `${base}e`;
  if (DOUBLE_CONSONANT.test(base) && !/[lsz]$/.test(base)) return base.slice(0, -1);
  return M_EQ_1.test(base) && CVC.test(base) ? `${base}e` : base;
}

/** Steps 2 and 3: of the suffixes that fit, the longest decides, whether it is then replaced or not. */
function replaceLongest(w: string, rules: readonly (readonly [string, string])[]): string {
  let best: readonly [string, string] | undefined;
  for (const rule of rules) {
    if (w.endsWith(rule[0]) && rule[0].length > (best?.[0].length ?? 0)) best = rule;
  }
  if (best === undefined) return w;
  const base = w.slice(0, -best[0].length);
  return M_GT_0.test(base) ? base + best[1] : w;
}

/** Step 5. */
function finalE(w: string): string {
  let result = w;
  if (w.endsWith('e')) {
    const base = w.slice(0, -1);
    if (M_GT_1.test(base) || (M_EQ_1.test(base) && !CVC.test(base))) result = base;
  }
  return result.endsWith('ll') && M_GT_1.test(result.slice(0, -1)) ? result.slice(0, -1) : result;
}
