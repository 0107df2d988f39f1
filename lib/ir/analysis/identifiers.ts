/**
 * Text to tokens, for prose and for program identifiers alike.
 */

/** A lower-case hump or word, an acronym that a capitalised word ends, or a run of capitals; digits stay attached. */
const PIECE = /\p{Lu}+(?!\p{Ll})\p{N}*|\p{Lu}?[\p{Ll}\p{Lo}\p{M}]+\p{N}*|\p{Lu}\p{N}*|\p{N}+/gu;

/**
 * Splits text into lower-case words, taking identifiers apart at underscores and at changes of case:
 * `readFileSync` gives `read file sync`, `HTTPServer` gives `http server`, `max_old_space` gives `max old space`.
 * Digits stay with the letters before them (`utf8`, `http2`).
 */
export function tokenizeIdentifiers(text: string): string[] {
  return (text.match(PIECE) ?? []).map((piece) => piece.toLowerCase());
}
