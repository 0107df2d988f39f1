/**
 * The map of characters that SentencePiece compiles into its models: a trie (a double array, as of Darts) from UTF-8 to
 * places in a text of replacements.
 */
import { fault } from './fields.ts';
import type { Normalizer } from './normalizers.ts';
import { characters } from './unicodeTables.ts';

const PRINTABLE_ASCII = /^[ -~]*$/;
/** Characters none of which is joined to its neighbour, but for a line feed after a carriage return. */
const SIMPLE = new RegExp(`^[${characters('0-2ff')}]*$`, 'u');
const GRAPHEME_BYTES = 6;

/** @param encoded base64: bytes of the trie (uint32), its units (uint32 each), replacements that end with 0; little-endian */
export function precompiled(encoded: string, name: string): Normalizer {
  const bytes = Buffer.from(encoded, 'base64');
  const size = bytes.length < 4 ? -1 : bytes.readUInt32LE(0);
  if (size < 4 || size % 4 !== 0 || size > bytes.length - 4) {
    throw fault('a map of characters of SentencePiece', name, encoded);
  }
  const units = Uint32Array.from({ length: size / 4 }, (_, i) => bytes.readUInt32LE(4 + 4 * i));
  const texts = bytes.subarray(4 + size);
  const known = new Map<string, string | undefined>();

  const replacement = (chunk: string): string | undefined => {
    if (known.has(chunk)) return known.get(chunk);
    const place = shortestMatch(units, Buffer.from(chunk));
    const end = place === undefined ? -1 : texts.indexOf(0, place);
    const found = place === undefined || end < 0 ? undefined : texts.toString('utf8', place, end);
    if (known.size > 20_000) known.clear();
    known.set(chunk, found);
    return found;
  };
  // A whole grapheme that is in the map by its beginning is replaced by that; this is how the reference does it.
  const normalized = (grapheme: string): string => {
    const whole = Buffer.byteLength(grapheme) < GRAPHEME_BYTES ? replacement(grapheme) : undefined;
    return whole ?? Array.from(grapheme, (character) => replacement(character) ?? character).join('');
  };
  const keepsAscii = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)).every(
    (character) => normalized(character) === character,
  );
  return (text) => {
    if (keepsAscii && PRINTABLE_ASCII.test(text)) return text;
    const graphemes = SIMPLE.test(text) ? (text.match(/\r\n|[\s\S]/g) ?? []) : graphemesOf(text);
    return graphemes.map(normalized).join('');
  };
}

const segmenter = new Intl.Segmenter('und', { granularity: 'grapheme' });
const CHUNK = 256;

/** Chunk by chunk: a segmenter takes a time that grows with the square of the text. Only the last one of a chunk may go on. */
function graphemesOf(text: string): string[] {
  const found: string[] = [];
  let size = CHUNK;
  for (let at = 0; at < text.length; ) {
    const segments = Array.from(segmenter.segment(text.slice(at, at + size)), ({ segment }) => segment);
    if (at + size < text.length) segments.pop();
    for (const segment of segments) {
      found.push(segment);
      at += segment.length;
    }
    size = segments.length === 0 ? 2 * size : CHUNK;
  }
  return found;
}

/** Where the replacement of the shortest beginning of `key` that is in the trie stands. */
function shortestMatch(units: Uint32Array, key: Uint8Array): number | undefined {
  const offset = (unit: number) => (unit >>> 10) << ((unit & 0x200) >>> 6);
  let at = offset(units[0] as number);
  for (const byte of key) {
    if (byte === 0) return undefined;
    at ^= byte;
    const unit = units[at];
    if (unit === undefined || (unit & 0x800000ff) >>> 0 !== byte) return undefined;
    at ^= offset(unit);
    if ((unit & 0x100) !== 0) return (units[at] ?? 0) & 0x7fffffff;
  }
  return undefined;
}
