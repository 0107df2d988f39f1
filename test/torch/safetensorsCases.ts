/** Files that are, or only look like, in the safetensors format, each with the reason for which it is refused. */
import type { SafetensorsReason } from '../../lib/torch/io/safetensorsHeader.ts';

/** A file of a header and data. */
export function fileOf(
  header: string | Uint8Array,
  data: Uint8Array | number = 0,
  length?: bigint,
): Uint8Array {
  const text = Buffer.from(header);
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(length ?? BigInt(text.length));
  return Buffer.concat([prefix, text, typeof data === 'number' ? new Uint8Array(data) : data]);
}

/** An entry of a header. */
export function entry(dtype: unknown, shape: unknown, offsets: unknown): string {
  return `{"dtype":${JSON.stringify(dtype)},"shape":${raw(shape)},"data_offsets":${raw(offsets)}}`;
}

function raw(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

const F32 = (shape: unknown, offsets: unknown) => entry('F32', shape, offsets);
const spaces = ' '.repeat(100_000);
/** Files by hand: what each is, and why it is refused. */
export const cases: readonly (readonly [
  name: string,
  reason: SafetensorsReason | 'accepted',
  make: () => Uint8Array,
])[] = [
  ['no byte', 'too short', () => new Uint8Array(0)],
  ['7 bytes', 'too short', () => new Uint8Array(7)],
  ['length 0', 'no brace', () => new Uint8Array(8)],
  ['length 1 of nothing', 'header past the end', () => fileOf('', 0, 1n)],
  ['length past the end by one', 'header past the end', () => fileOf('{}', 0, 3n)],
  ['length 2^63', 'header too large', () => fileOf('{}', 0, 2n ** 63n)],
  ['length 2^64 - 1', 'header too large', () => fileOf('{}', 0, 2n ** 64n - 1n)],
  ['length 100,000,001', 'header too large', () => fileOf('{}', 0, 100_000_001n)],
  ['length 100,000,000', 'header past the end', () => fileOf('{}', 0, 100_000_000n)],
  ['length cuts the header', 'not JSON', () => fileOf('{"a":1}', 0, 5n)],
  ['an array', 'no brace', () => fileOf('[]')],
  ['a leading space', 'no brace', () => fileOf(' {}')],
  ['a byte order mark', 'no brace', () => fileOf('\ufeff{}')],
  ['a string', 'no brace', () => fileOf('"{}"')],
  ['UTF-16', 'not UTF-8', () => fileOf(Buffer.from('\ufeff{}', 'utf16le'))],
  ['bytes that are no UTF-8', 'not UTF-8', () => fileOf(Buffer.from([0x7b, 0xff, 0x7d]))],
  ['overlong UTF-8', 'not UTF-8', () => fileOf(Buffer.from([0x7b, 0x22, 0xc0, 0x80, 0x22, 0x7d]))],
  ['half a surrogate pair', 'not UTF-8', () => fileOf(`{"\\ud800":${F32([0], [0, 0])}}`)],
  ['half a surrogate pair in metadata', 'not UTF-8', () => fileOf('{"__metadata__":{"a":"\\udc00x"}}')],
  [
    'half a surrogate pair in a key of metadata',
    'not UTF-8',
    () => fileOf('{"__metadata__":{"\\ud800":""}}'),
  ],
  [
    'half a surrogate pair in a field more',
    'not UTF-8',
    () => fileOf('{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"x":"\\ud800"}}'),
  ],
  ['only a brace', 'not JSON', () => fileOf('{')],
  ['a single quote', 'not JSON', () => fileOf("{'a':1}")],
  ['a trailing comma', 'not JSON', () => fileOf(`{"a":${F32([], [0, 4])},}`, 4)],
  ['junk at the end', 'not JSON', () => fileOf(`{}x`)],
  ['two objects', 'not JSON', () => fileOf('{}{}')],
  ['a NUL at the end', 'not JSON', () => fileOf('{}\0')],
  ['a comment', 'not JSON', () => fileOf('{/**/}')],
  ['a line break in a string', 'not JSON', () => fileOf('{"a\n":1}')],
  ['an unknown escape', 'not JSON', () => fileOf('{"\\x41":1}')],
  ['a string without end', 'not JSON', () => fileOf('{"a')],
  ['an escaped last quote', 'not JSON', () => fileOf('{"a\\":1}')],
  ['NaN', 'not JSON', () => fileOf('{"a":NaN}')],
  ['100,000 brackets', 'not JSON', () => fileOf(`{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`)],
  ['100,000 braces', 'not JSON', () => fileOf('{"a":'.repeat(100_000))],
  ['a tensor twice', 'duplicate key', () => fileOf(`{"a":${F32([1], [0, 4])},"a":${F32([1], [0, 4])}}`, 4)],
  [
    'a tensor twice, once escaped',
    'duplicate key',
    () => fileOf(`{"a":${F32([1], [0, 4])},"\\u0061":${F32([1], [4, 8])}}`, 8),
  ],
  [
    'a field twice',
    'duplicate key',
    () => fileOf('{"a":{"dtype":"F32","shape":[1],"shape":[2],"data_offsets":[0,8]}}', 8),
  ],
  ['metadata twice', 'duplicate key', () => fileOf('{"__metadata__":{},"__metadata__":{}}')],
  ['a metadata key twice', 'duplicate key', () => fileOf('{"__metadata__":{"a":"1","a":"2"}}')],
  ['metadata that is a string', 'metadata', () => fileOf('{"__metadata__":"pt"}')],
  ['metadata that is null', 'metadata', () => fileOf('{"__metadata__":null}')],
  ['metadata of a number', 'metadata', () => fileOf('{"__metadata__":{"a":1}}')],
  ['metadata of an object', 'metadata', () => fileOf('{"__metadata__":{"a":{}}}')],
  ['metadata that is an array', 'metadata', () => fileOf('{"__metadata__":[]}')],
  ['a tensor that is null', 'entry', () => fileOf('{"a":null}')],
  ['a tensor that is an array', 'entry', () => fileOf('{"a":[]}')],
  ['a tensor that is a number', 'entry', () => fileOf('{"a":1}')],
  ['no dtype', 'entry', () => fileOf('{"a":{"shape":[1],"data_offsets":[0,4]}}', 4)],
  ['no shape', 'entry', () => fileOf('{"a":{"dtype":"F32","data_offsets":[0,4]}}', 4)],
  ['no offsets', 'entry', () => fileOf('{"a":{"dtype":"F32","shape":[1]}}', 4)],
  ['an unknown dtype', 'dtype', () => fileOf(`{"a":${entry('F33', [1], [0, 4])}}`, 4)],
  ['a lower-case dtype', 'dtype', () => fileOf(`{"a":${entry('f32', [1], [0, 4])}}`, 4)],
  ['a dtype that PyTorch has not', 'dtype', () => fileOf(`{"a":${entry('F6_E2M3', [4], [0, 3])}}`, 3)],
  ['half a byte', 'shape', () => fileOf(`{"a":${entry('F4', [1], [0, 1])}}`, 1)],
  ['half a byte without a dimension', 'shape', () => fileOf(`{"a":${entry('F4', [], [0, 1])}}`, 1)],
  ['halves of bytes that go over a row', 'shape', () => fileOf(`{"a":${entry('F4', [2, 1], [0, 1])}}`, 1)],
  ['a dtype that is a number', 'dtype', () => fileOf(`{"a":${entry(1, [1], [0, 4])}}`, 4)],
  ['a dtype that is null', 'dtype', () => fileOf(`{"a":${entry(null, [1], [0, 4])}}`, 4)],
  ['a dtype named constructor', 'dtype', () => fileOf(`{"a":${entry('constructor', [1], [0, 4])}}`, 4)],
  ['a shape that is a number', 'shape', () => fileOf(`{"a":${F32(1, [0, 4])}}`, 4)],
  ['a shape that is null', 'shape', () => fileOf(`{"a":${F32(null, [0, 4])}}`, 4)],
  ['a shape that is an object', 'shape', () => fileOf(`{"a":${F32({}, [0, 4])}}`, 4)],
  ['a shape in a shape', 'shape', () => fileOf(`{"a":${F32([[1]], [0, 4])}}`, 4)],
  ['a negative size', 'shape', () => fileOf(`{"a":${F32([-1], [0, 4])}}`, 4)],
  ['two negative sizes', 'shape', () => fileOf(`{"a":${F32([-1, -1], [0, 4])}}`, 4)],
  ['minus zero', 'shape', () => fileOf(`{"a":${F32('[-0]', [0, 0])}}`)],
  ['a fraction', 'shape', () => fileOf(`{"a":${F32([1.5], [0, 4])}}`, 4)],
  ['1.0', 'shape', () => fileOf(`{"a":${F32('[1.0]', [0, 4])}}`, 4)],
  ['1e0', 'shape', () => fileOf(`{"a":${F32('[1e0]', [0, 4])}}`, 4)],
  ['01', 'not JSON', () => fileOf(`{"a":${F32('[01]', [0, 4])}}`, 4)],
  ['a size that is a string', 'shape', () => fileOf(`{"a":${F32(['1'], [0, 4])}}`, 4)],
  ['a size that is true', 'shape', () => fileOf(`{"a":${F32([true], [0, 4])}}`, 4)],
  ['a size of 2^53 + 1', 'shape', () => fileOf(`{"a":${F32('[9007199254740993]', [0, 4])}}`, 4)],
  [
    'a product of 4 modulo 2^64',
    'shape',
    () => fileOf(`{"a":${entry('U8', [4194305, 4194305, 211106198978564], [0, 4])}}`, 4),
  ],
  ['sizes too large beside 0', 'shape', () => fileOf(`{"a":${F32([0, 2 ** 40, 2 ** 40], [0, 0])}}`)],
  ['65 dimensions', 'shape', () => fileOf(`{"a":${F32(Array(65).fill(1), [0, 4])}}`, 4)],
  ['1,000 dimensions', 'shape', () => fileOf(`{"a":${F32(Array(1000).fill(1), [0, 4])}}`, 4)],
  ['negative offsets', 'offsets', () => fileOf(`{"a":${F32([1], [-4, 0])}}`, 4)],
  ['reversed offsets', 'offsets', () => fileOf(`{"a":${F32([1], [4, 0])}}`, 4)],
  ['offsets that are null', 'offsets', () => fileOf(`{"a":${F32([1], null)}}`, 4)],
  ['offsets that are an object', 'offsets', () => fileOf(`{"a":${F32([1], { begin: 0, end: 4 })}}`, 4)],
  ['offsets of 2^64 and more', 'offsets', () => fileOf(`{"a":${F32([1], '[0,18446744073709551620]')}}`, 4)],
  ['one offset', 'offsets', () => fileOf(`{"a":${F32([1], [4])}}`, 4)],
  ['three offsets', 'offsets', () => fileOf(`{"a":${F32([1], [0, 4, 4])}}`, 4)],
  ['offsets that are strings', 'offsets', () => fileOf(`{"a":${F32([1], ['0', '4'])}}`, 4)],
  [
    'offsets of 2^53 and more',
    'offsets',
    () => fileOf(`{"a":${F32([1], '[9007199254740992,9007199254740996]')}}`, 4),
  ],
  ['offsets that are floats', 'offsets', () => fileOf(`{"a":${F32([1], '[0.0,4.0]')}}`, 4)],
  ['too few bytes for the shape', 'size', () => fileOf(`{"a":${F32([2], [0, 4])}}`, 4)],
  ['too many bytes for the shape', 'size', () => fileOf(`{"a":${F32([1], [0, 8])}}`, 8)],
  ['bytes for an empty tensor', 'size', () => fileOf(`{"a":${F32([0], [0, 4])}}`, 4)],
  ['not from the beginning', 'hole or overlap', () => fileOf(`{"a":${F32([1], [4, 8])}}`, 8)],
  ['a hole', 'hole or overlap', () => fileOf(`{"a":${F32([1], [0, 4])},"b":${F32([1], [8, 12])}}`, 12)],
  ['an overlap', 'hole or overlap', () => fileOf(`{"a":${F32([2], [0, 8])},"b":${F32([1], [4, 8])}}`, 8)],
  [
    'the same bytes twice',
    'hole or overlap',
    () => fileOf(`{"a":${F32([1], [0, 4])},"b":${F32([1], [0, 4])}}`, 4),
  ],
  ['an empty tensor past the end', 'hole or overlap', () => fileOf(`{"a":${F32([0], [4, 4])}}`)],
  ['past the end', 'end', () => fileOf(`{"a":${F32([2], [0, 8])}}`, 4)],
  ['bytes that belong to no tensor', 'end', () => fileOf(`{"a":${F32([1], [0, 4])}}`, 5)],
  ['data without tensors', 'end', () => fileOf('{}', 1)],
  ['a bool of 2', 'bool', () => fileOf(`{"a":${entry('BOOL', [2], [0, 2])}}`, Uint8Array.of(1, 2))],

  [
    'a bool of 255 behind many',
    'bool',
    () => fileOf(`{"a":${entry('BOOL', [9], [0, 9])}}`, Uint8Array.of(...Array(8).fill(0), 255)),
  ],

  ['nothing in it', 'accepted', () => fileOf('{}')],
  ['only metadata', 'accepted', () => fileOf('{"__metadata__":{"format":"pt"}}')],
  ['spaces at the end', 'accepted', () => fileOf(`{}${spaces}`)],
  ['spaces and line breaks between', 'accepted', () => fileOf(`{ "a" :\n\t${F32([1], [0, 4])}\r\n}`, 4)],
  ['no dimension', 'accepted', () => fileOf(`{"a":${F32([], [0, 4])}}`, 4)],
  ['64 dimensions', 'accepted', () => fileOf(`{"a":${F32(Array(64).fill(1), [0, 4])}}`, 4)],
  [
    'empty tensors where others meet',
    'accepted',
    () => fileOf(`{"a":${F32([1], [0, 4])},"e":${F32([0, 9], [4, 4])},"b":${F32([1], [4, 8])}}`, 8),
  ],
  [
    'empty tensors at one place',
    'accepted',
    () => fileOf(`{"a":${F32([0], [0, 0])},"b":${F32([2, 0], [0, 0])}}`),
  ],
  [
    'another order than the data',
    'accepted',
    () => fileOf(`{"b":${F32([1], [4, 8])},"a":${F32([1], [0, 4])}}`, 8),
  ],
  [
    'a field more',
    'accepted',
    () => fileOf('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"note":1.5}}', 4),
  ],
  [
    'names of prototypes',
    'accepted',
    () =>
      fileOf(
        `{${['__proto__', 'constructor', '', '../x', 'a\\u0000b'].map((name, i) => `"${name}":${F32([1], [4 * i, 4 * i + 4])}`).join(',')}}`,
        20,
      ),
  ],
  ['a name of 1 MB', 'accepted', () => fileOf(`{"${'x'.repeat(2 ** 20)}":${F32([1], [0, 4])}}`, 4)],
  ['two values in a byte', 'accepted', () => fileOf(`{"a":${entry('F4', [1, 4], [0, 2])}}`, 2)],
  ['an escaped name', 'accepted', () => fileOf(`{"\\u00e9\\ud83d\\ude00":${F32([1], [0, 4])}}`, 4)],
  [
    'data that is not aligned',
    'accepted',
    () => fileOf(`{"a":${entry('U8', [1], [0, 1])},"b":${F32([1], [1, 5])}}`, 5),
  ],
];
