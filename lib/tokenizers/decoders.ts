/**
 * Tokens as text again.
 */

import { type Fields, fault } from './fields.ts';
import { BPEDecoder } from './library.ts';
import { DEEPEST } from './normalizers.ts';
import { patternOf } from './patterns.ts';
import { BYTE_CHARACTERS } from './preTokenizers.ts';

/** Parts of a text made of tokens, or of such parts. */
type Decoder = (tokens: readonly string[]) => readonly string[];
type Make = (config: Fields, depth: number) => Decoder;

const MAKE: Readonly<Record<string, Make>> = {
  BPEDecoder: (config) => {
    const decoder = new BPEDecoder({ type: 'BPEDecoder', suffix: config.string('suffix', '</w>') });
    return (tokens) => decoder.decode_chain(tokens);
  },
  ByteFallback: () => byteFallback,
  ByteLevel: () => byteLevel,
  Fuse: () => (tokens) => [tokens.join('')],
  Metaspace: (config) => {
    const mark = config.string('replacement');
    const legacy = config.boolean('add_prefix_space', true) ? 'always' : 'never';
    const keeps = config.oneOf('prepend_scheme', ['always', 'first', 'never'], legacy) === 'never';
    return (tokens) => tokens.map((token, i) => token.replaceAll(mark, i === 0 && !keeps ? '' : ' '));
  },
  Replace: (config) => {
    const [pattern, content] = [patternOf(config), config.string('content')];
    return (tokens) => tokens.map((token) => token.replace(pattern, () => content));
  },
  Sequence: (config, depth) => {
    const parts = config.objects('decoders').map((part) => decoder(part, depth + 1));
    return (tokens) => parts.reduce((done, decode) => decode(done), tokens);
  },
  Strip: (config) => {
    const [content, start, stop] = [
      config.string('content'),
      config.integer('start'),
      config.integer('stop'),
    ];
    return (tokens) => tokens.map((token) => stripped([...token], content, start, stop));
  },
  WordPiece: (config) => {
    const [prefix, cleans] = [config.string('prefix', '##'), config.boolean('cleanup', true)];
    return (tokens) =>
      tokens.map((token, i) => {
        const continues = token.startsWith(prefix);
        const text = i === 0 ? token : continues ? token.slice(prefix.length) : ` ${token}`;
        return cleans ? cleaned(text) : text;
      });
  },
};

/** @throws ArgumentError for a decoder that is not known */
export function makeDecoder(config: Fields | undefined): (tokens: readonly string[]) => string {
  if (config === undefined) return (tokens) => tokens.join(' ');
  const decode = decoder(config, 0);
  return (tokens) => decode(tokens).join('');
}

function decoder(config: Fields, depth: number): Decoder {
  const type = config.string('type');
  const make = Object.hasOwn(MAKE, type) ? MAKE[type] : undefined;
  if (make === undefined) throw fault(Object.keys(MAKE).join(', '), config.at('type'), type);
  if (depth > DEEPEST) throw fault(`at most ${DEEPEST} sequences in one another`, config.name, config.object);
  return make(config, depth);
}

const BYTES: ReadonlyMap<string, number> = new Map(
  BYTE_CHARACTERS.map((character, byte) => [character, byte]),
);

/** A token with another character than those that stand for bytes stands for its own. */
function byteLevel(tokens: readonly string[]): readonly string[] {
  const bytes = tokens.map((token) => {
    const known = Array.from(token, (character) => BYTES.get(character));
    return known.includes(undefined) ? Buffer.from(token) : Buffer.from(known as number[]);
  });
  return [Buffer.concat(bytes).toString('utf8')];
}

const BYTE_TOKEN = /^<0x([0-9A-Fa-f]{2})>$/;

/** Tokens of bytes in a row as the text that they are, or else as one U+FFFD each. */
function byteFallback(tokens: readonly string[]): readonly string[] {
  const parts: string[] = [];
  let bytes: number[] = [];
  const flush = () => {
    if (bytes.length === 0) return;
    const text = Buffer.from(bytes).toString('utf8');
    parts.push(Buffer.from(text).equals(Buffer.from(bytes)) ? text : '\ufffd'.repeat(bytes.length));
    bytes = [];
  };
  for (const token of tokens) {
    const byte = BYTE_TOKEN.exec(token)?.[1];
    if (byte !== undefined) bytes.push(Number.parseInt(byte, 16));
    else {
      flush();
      parts.push(token);
    }
  }
  flush();
  return parts;
}

function stripped(characters: string[], content: string, start: number, stop: number): string {
  let first = 0;
  while (first < start && characters[first] === content) first++;
  let end = characters.length;
  while (characters.length - end < stop && end > first && characters[end - 1] === content) end--;
  return characters.slice(first, end).join('');
}

const CLEANED: readonly (readonly [string, string])[] = [
  [' .', '.'],
  [' ?', '?'],
  [' !', '!'],
  [' ,', ','],
  [" ' ", "'"],
  [" n't", "n't"],
  [" 'm", "'m"],
  [' do not', " don't"],
  [" 's", "'s"],
  [" 've", "'ve"],
  [" 're", "'re"],
];

function cleaned(token: string): string {
  return CLEANED.reduce((text, [from, to]) => text.replaceAll(from, to), token);
}
