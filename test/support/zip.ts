/** Zip archives for tests, right and wrong ones. */
import { deflateRawSync, crc32 as nodeCrc32 } from 'node:zlib';

export interface Part {
  readonly name: string;
  readonly content: Uint8Array;
  readonly method?: number;
  /** What the headers say in place of what is so. */
  readonly central?: Partial<Header>;
  readonly local?: Partial<Header>;
}

interface Header {
  readonly signature: number;
  readonly flags: number;
  readonly method: number;
  readonly crc: number;
  readonly packed: number;
  readonly size: number;
  readonly name: string | Buffer;
  readonly attributes: number;
  readonly at: number;
  readonly extra: Buffer;
}

interface Ending {
  readonly count: number;
  readonly size: number;
  readonly at: number;
  readonly disk: number;
  readonly before: Buffer;
  readonly after: Buffer;
}

function crc32(bytes: Uint8Array): number {
  if (nodeCrc32 !== undefined) return nodeCrc32(bytes);
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

/** Little-endian numbers, one after the other. */
export const numbers = (...fields: readonly (readonly [bytes: number, value: number])[]): Buffer =>
  Buffer.concat(
    fields.map(([bytes, value]) => {
      const buffer = Buffer.alloc(bytes);
      if (bytes === 8) buffer.writeBigUInt64LE(BigInt(value));
      else buffer.writeUIntLE(value, 0, bytes);
      return buffer;
    }),
  );

/** An archive, whose headers may say what is not so. */
export function zip(parts: readonly Part[], ending: Partial<Ending> = {}): Buffer {
  const locals: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = ending.before?.length ?? 0;
  for (const { name, content, method = 0, central, local } of parts) {
    const packed = method === 8 ? deflateRawSync(content) : content;
    const sizes = { packed: packed.length, size: content.length };
    const header = {
      flags: 0x800,
      method,
      crc: crc32(content),
      ...sizes,
      name,
      attributes: 0,
      at,
      extra: Buffer.alloc(0),
    };
    const inside = { signature: 0x04034b50, ...header, ...local };
    const listed = { signature: 0x02014b50, ...header, ...central };
    const common = ({ flags, method, crc, packed, size }: Omit<Header, 'signature'>) =>
      [
        [2, flags],
        [2, method],
        [4, 0],
        [4, crc],
        [4, packed],
        [4, size],
      ] as const;
    const own = Buffer.from(inside.name);
    locals.push(
      numbers([4, inside.signature], [2, 20], ...common(inside), [2, own.length], [2, 0]),
      own,
      Buffer.from(packed),
    );
    const other = Buffer.from(listed.name);
    directory.push(
      numbers(
        [4, listed.signature],
        [2, 20],
        [2, 20],
        ...common(listed),
        [2, other.length],
        [2, listed.extra.length],
        [2, 0],
        [2, 0],
        [2, 0],
        [4, listed.attributes],
        [4, listed.at],
      ),
      other,
      listed.extra,
    );
    at += 30 + own.length + packed.length;
  }
  const listing = Buffer.concat(directory);
  const { count = parts.length, size = listing.length, at: start = at, disk = 0 } = ending;
  const end = numbers(
    [4, 0x06054b50],
    [2, disk],
    [2, 0],
    [2, count],
    [2, count],
    [4, size],
    [4, start],
    [2, 0],
  );
  return Buffer.concat([
    ending.before ?? Buffer.alloc(0),
    ...locals,
    listing,
    end,
    ending.after ?? Buffer.alloc(0),
  ]);
}
