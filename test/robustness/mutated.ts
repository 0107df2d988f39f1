/** Safetensors files that are almost right: parts of the header, offsets, lengths or bytes of a good one are others. */
import type { Random } from './random.ts';

/** A tensor's entry, as text, so that it can be anything. */
interface Entry {
  name: string;
  fields: [name: string, value: string][];
}

const ENTRIES: readonly (readonly [name: string, dtype: string, shape: readonly number[], bytes: number])[] =
  [
    ['large', 'F32', [150, 120], 72_000],
    ['ids', 'I64', [3], 24],
    ['mask', 'BOOL', [2, 3], 6],
    ['half', 'BF16', [1, 5], 10],
    ['none', 'F32', [0, 4], 0],
    ['scalar', 'F64', [], 8],
    ['nibbles', 'F4', [2, 4], 4],
  ];
const DATA = ENTRIES.reduce((sum, [, , , bytes]) => sum + bytes, 0);

/** Values in place of others. */
const VALUES = [
  ...[
    'null',
    'true',
    '0',
    '-1',
    '1',
    '-0',
    '1.0',
    '1e3',
    '0.5',
    '01',
    '"1"',
    '""',
    '{}',
    '[]',
    '[[]]',
    'NaN',
    '',
  ],
  ...[
    '9007199254740992',
    '18446744073709551616',
    '1e400',
    '4294967296',
    '2147483648',
    '72000',
    '[0,4]',
    '[4,0]',
  ],
  ...[
    '"F32"',
    '"I32"',
    '"F33"',
    '"BOOL"',
    '"U8"',
    '"C64"',
    '"F6_E2M3"',
    '"F8_E4M3"',
    '"__proto__"',
    '"\\ud800"',
  ],
  ...[
    '{"__proto__":{"x":1}}',
    '{"a":1,"a":2}',
    '[1,2,3,4,5,6,7,8,9]',
    '"\\u0000"',
    '[18000]',
    '[120,150]',
    '[2,3]',
  ],
];

/** Marks that are put into the text, or taken out. */
const MARKS = [
  '{',
  '}',
  '[',
  ']',
  '"',
  ',',
  ':',
  '\\',
  ' ',
  '\n',
  '\0',
  '\ufeff',
  'é',
  '-',
  '.',
  'e',
  '0',
  '9',
];

/** A file. */
export function mutated(dice: Random): Uint8Array {
  const entries = goodEntries();
  const metadata: [string, string][] = [
    ['format', '"pt"'],
    ['note', '"x"'],
  ];
  let tail = '';
  const text = [];
  for (let changes = dice.below(3); changes >= 0; changes--) {
    const change = dice.pick(STRUCTURAL);
    if (change === 'metadata')
      metadata.push([dice.pick(['note', 'more', '__proto__', '']), dice.pick(VALUES)]);
    else if (change === 'spaces') tail = ' '.repeat(dice.below(3000));
    else if (change === 'text') text.push(dice);
    else change(entries, dice);
  }
  const parts = entries.map(({ name, fields }) => `"${name}":${object(fields)}`);
  parts.splice(dice.below(parts.length + 1), 0, `"__metadata__":${object(metadata)}`);
  let header = `{${parts.join(',')}}${tail}`;
  for (const _ of text) header = withMark(header, dice);
  return withBytes(Buffer.from(header), dice);
}

function goodEntries(): Entry[] {
  let at = 0;
  return ENTRIES.map(([name, dtype, shape, bytes]) => {
    const offsets = [at, at + bytes];
    at += bytes;
    return {
      name,
      fields: [
        ['dtype', `"${dtype}"`],
        ['shape', JSON.stringify(shape)],
        ['data_offsets', JSON.stringify(offsets)],
      ],
    };
  });
}

function object(fields: readonly (readonly [string, string])[]): string {
  return `{${fields.map(([name, value]) => `"${name}":${value}`).join(',')}}`;
}

type Change = (entries: Entry[], dice: Random) => void;

const field = (entries: Entry[], dice: Random) => dice.pick(dice.pick(entries).fields);

/** A number in a list becomes another one, near or far. */
const aNumber: Change = (entries, dice) => {
  const one = field(entries, dice);
  const numbers = one[1].match(/\d+/g) ?? [];
  if (numbers.length === 0) return;
  const at = dice.below(numbers.length);
  const old = Number(numbers[at]);
  const other = dice.pick([old + 1, old - 1, old + 4, 2 * old, 0, -old, 2 ** 31, 2 ** 53, 2 ** 63, old / 2]);
  let seen = -1;
  one[1] = one[1].replace(/\d+/g, (text) => {
    seen += 1;
    return seen === at ? `${other}` : text;
  });
};

/** The same bytes under another shape: most of these files are right. */
const reshaped: Change = (entries, dice) => {
  const shape = dice.pick(entries).fields.find(([name]) => name === 'shape');
  const sizes = shape?.[1].match(/\d+/g)?.map(Number) ?? [];
  const last = sizes.at(-1) ?? 1;
  const change = dice.below(3);
  if (change === 0) sizes.unshift(1);
  else if (change === 1) sizes.reverse();
  else if (last % 2 === 0) sizes.splice(-1, 1, last / 2, 2);
  if (shape) shape[1] = JSON.stringify(sizes);
};

const ofSize: Readonly<Record<string, readonly string[]>> = {
  '"F32"': ['"I32"', '"U32"', '"F32"'],
  '"I64"': ['"U64"', '"F64"', '"C64"'],
  '"BOOL"': ['"U8"', '"I8"', '"F8_E5M2"', '"F8_E4M3FNUZ"', '"F8_E8M0"'],
  '"BF16"': ['"F16"', '"I16"', '"U16"'],
};

/** Another dtype of the same size. */
const retyped: Change = (entries, dice) => {
  const dtype = dice.pick(entries).fields.find(([name]) => name === 'dtype');
  if (dtype && Object.hasOwn(ofSize, dtype[1])) dtype[1] = dice.pick(ofSize[dtype[1]] as readonly string[]);
};

const STRUCTURAL: readonly (Change | 'metadata' | 'spaces' | 'text')[] = [
  aNumber,
  reshaped,
  retyped,
  'metadata',
  'spaces',
  'text',
  (entries, dice) => {
    field(entries, dice)[1] = dice.pick(VALUES);
  },
  (entries, dice) => {
    field(entries, dice)[0] = dice.pick(['dtype', 'shape', 'data_offsets', '__proto__', 'more', '']);
  },
  (entries, dice) => {
    dice.pick(entries).name = dice.pick([
      'large',
      '__metadata__',
      '__proto__',
      '',
      '../x',
      '\\ud800',
      '\\u00e9',
    ]);
  },
  (entries, dice) => {
    entries.splice(dice.below(entries.length), 1);
    if (entries.length === 0) entries.push(...goodEntries());
  },
  (entries, dice) => {
    entries.push({ name: dice.pick(['ids', 'more']), fields: [...dice.pick(entries).fields] });
  },
  (entries, dice) => {
    const { fields } = dice.pick(entries);
    fields.push([dice.pick(['more', 'shape', 'dtype']), dice.pick(VALUES)]);
  },
  (entries, dice) => {
    const [one, other] = [field(entries, dice), field(entries, dice)];
    [one[1], other[1]] = [other[1], one[1]];
  },
  (entries, dice) => {
    entries.reverse();
    entries.unshift(...entries.splice(dice.below(entries.length)));
  },
];

function withMark(text: string, dice: Random): string {
  const at = dice.below(text.length);
  return text.slice(0, at) + dice.pick(MARKS) + text.slice(at + dice.below(2));
}

/** The header with its length and data, of which bytes, the length or the end may be others. */
function withBytes(header: Buffer, dice: Random): Uint8Array {
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(BigInt(header.length));
  const data = Buffer.alloc(DATA);
  // Bools are 0 or 1, and everything else may be either too.
  for (let i = 72_000; i < DATA; i += 1 + dice.below(9)) data[i] = 1;
  let file = Buffer.concat([prefix, header, data]);
  const change = dice.below(12);
  if (change === 0) file.writeBigUInt64LE(dice.pick(lengthsNear(header.length, file.length)));
  else if (change === 1) file = file.subarray(0, dice.below(file.length + 1));
  else if (change === 2) file = Buffer.concat([file, Buffer.alloc(1 + dice.below(9))]);
  else if (change === 3) file[dice.below(8 + header.length)] = dice.below(256);
  else if (change === 4) file[file.length - 1 - dice.below(60)] = dice.below(256);
  return file;
}

function lengthsNear(header: number, file: number): bigint[] {
  const near = [0, 1, header - 1, header + 1, header + 8, file - 8, file - 7, file, 1e8, 1e8 + 1];
  return [...near.map(BigInt), 2n ** 32n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n];
}
