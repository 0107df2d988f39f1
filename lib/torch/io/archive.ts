/**
 * The zip archives that PyTorch writes, of TorchScript and of packages: checked before libtorch sees a byte of them, since
 * what reads zip files there trusts the sizes and names that they declare. Format: APPNOTE.TXT of PKWARE, 4.3.
 */
import { inflateRawSync } from 'node:zlib';
import { ArgumentError } from '../../errors.ts';

/** A file in the archive. */
export interface ArchiveEntry {
  /** Behind the archive's one root folder. */
  readonly name: string;
  /** Bytes of its content. */
  readonly size: number;
  /** CRC-32 that its content is said to have. */
  readonly crc: number;
  read(): Uint8Array;
}

/** What is declared may not be beyond that many times the bytes that are there: deflate reaches about 1030. */
const MOST_GROWTH = 1000;
const MOST_ENTRIES = 1_000_000;
const LONGEST_NAME = 4096;
const STORED = 0;
const DEFLATED = 8;
const END = { signature: 0x06054b50, size: 22 };
const END_64 = { signature: 0x06064b50, size: 56 };
const LOCATOR_64 = { signature: 0x07064b50, size: 20 };
const CENTRAL = { signature: 0x02014b50, size: 46 };
const LOCAL = { signature: 0x04034b50, size: 30 };
const IN_64 = 0xffffffff;
const SIZES_FOLLOW = 1 << 3;
const IS_ENCRYPTED = (1 << 0) | (1 << 6) | (1 << 13);
const SYMBOLIC_LINK = 0o120000;

/**
 * The files of an archive.
 *
 * @throws ArgumentError with the code `ERR_FILE` for anything that PyTorch does not write: names that leave the archive or
 * differ in case only, sizes beyond the file, entries over each other, links, encryption, several root folders, more bytes
 * behind the end
 */
export function readArchive(bytes: Uint8Array): ReadonlyMap<string, ArchiveEntry> {
  return new ArchiveReader(bytes).entries();
}

function refuse(reason: string): never {
  throw new ArgumentError(`Expected an archive of PyTorch: ${reason}`, 'ERR_FILE');
}

interface Located {
  readonly name: string;
  readonly flags: number;
  readonly method: number;
  readonly crc: number;
  readonly packed: number;
  readonly size: number;
  readonly at: number;
}

class ArchiveReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  entries(): ReadonlyMap<string, ArchiveEntry> {
    const { count, at, end } = this.#directory();
    const located: Located[] = [];
    let next = at;
    for (let i = 0; i < count; i++) {
      const { entry, length } = this.#entry(next, end);
      located.push(entry);
      next += length;
    }
    if (next !== end) refuse('its directory has other bytes beside its entries');
    const places = this.#places(located, at);
    checkNames(located);
    const declared = located.reduce((sum, { size }) => sum + size, 0);
    if (declared > MOST_GROWTH * this.#bytes.length)
      refuse(`its entries would have ${declared} bytes, the file has ${this.#bytes.length}`);
    return new Map(
      located.map((entry) => [withoutRoot(entry.name), this.#opened(entry, places.get(entry) as number)]),
    );
  }

  /** Where the directory of entries is, from the end of the file. */
  #directory(): { readonly count: number; readonly at: number; readonly end: number } {
    const { length } = this.#bytes;
    const end = length - END.size;
    if (end < 0 || this.#uint32(0) !== LOCAL.signature) refuse(unlike(this.#bytes));
    if (this.#uint32(end) !== END.signature) refuse('it is cut short, or has more bytes behind its end');
    if (this.#uint32(end + 4) !== 0) refuse('it is one of several disks');
    const locator = end - LOCATOR_64.size;
    const is64 = locator >= END_64.size && this.#uint32(locator) === LOCATOR_64.signature;
    const [count, size, at] = is64
      ? this.#end64(locator)
      : [this.#uint16(end + 10), this.#uint32(end + 12), this.#uint32(end + 16)];
    const found = is64 ? locator - END_64.size : end;
    if (at + size !== found) refuse('its directory is not where its end says');
    if (count > MOST_ENTRIES || count * CENTRAL.size > size) refuse(`it would have ${count} entries`);
    return { count, at, end: found };
  }

  #end64(locator: number): readonly [count: number, size: number, at: number] {
    const at = locator - END_64.size;
    if (this.#uint64(locator + 8) !== at || this.#uint32(at) !== END_64.signature)
      refuse('its directory is not where its end says');
    return [this.#uint64(at + 32), this.#uint64(at + 40), this.#uint64(at + 48)];
  }

  #entry(at: number, end: number): { readonly entry: Located; readonly length: number } {
    if (at + CENTRAL.size > end || this.#uint32(at) !== CENTRAL.signature) refuse('its directory is damaged');
    const nameLength = this.#uint16(at + 28);
    const extraLength = this.#uint16(at + 30);
    const length = CENTRAL.size + nameLength + extraLength + this.#uint16(at + 32);
    if (at + length > end) refuse('its directory is damaged');
    const name = this.#name(at + CENTRAL.size, nameLength);
    const flags = this.#uint16(at + 8);
    const method = this.#uint16(at + 10);
    if ((flags & IS_ENCRYPTED) !== 0) refuse(`${name} is encrypted`);
    if (method !== STORED && method !== DEFLATED) refuse(`${name} is packed by method ${method}`);
    if ((this.#uint16(at + 40) & 0o170000) === SYMBOLIC_LINK) refuse(`${name} is a link`);
    const [size, packed, place] = this.#sizes64(at + CENTRAL.size + nameLength, extraLength, [
      this.#uint32(at + 24),
      this.#uint32(at + 20),
      this.#uint32(at + 42),
    ]);
    if (method === STORED && size !== packed) refuse(`${name} has two sizes`);
    if (size > MOST_GROWTH * packed + MOST_GROWTH) refuse(`${name} would have ${size} bytes of ${packed}`);
    if (method === DEFLATED && /^[^/]+\/(data|constants|\.data)\//.test(name)) refuse(`${name} is packed`);
    return { entry: { name, flags, method, crc: this.#uint32(at + 16), packed, size, at: place }, length };
  }

  /** What does not fit in 32 bits stands in an extra field, in the same order. */
  #sizes64(at: number, length: number, given: readonly number[]): [number, number, number] {
    let next = -1;
    for (let i = at; i + 4 <= at + length; i += 4 + this.#uint16(i + 2)) {
      if (this.#uint16(i) !== 1) continue;
      next = i + 4;
      if (next + this.#uint16(i + 2) > at + length) refuse('its directory is damaged');
      break;
    }
    return given.map((value) => {
      if (value !== IN_64) return value;
      if (next < 0 || next + 8 > at + length) refuse('its directory is damaged');
      next += 8;
      return this.#uint64(next - 8);
    }) as [number, number, number];
  }

  /** Where the contents begin: headers agree with the directory, and nothing lies over something else. */
  #places(located: readonly Located[], end: number): Map<Located, number> {
    const places = new Map<Located, number>();
    let free = 0;
    for (const entry of [...located].sort((a, b) => a.at - b.at)) {
      const { name, at, packed } = entry;
      if (at < free || at + LOCAL.size > end) refuse(`${name} lies over something else`);
      if (free === 0 && at !== 0) refuse('it has other bytes before its entries');
      const nameLength = this.#uint16(at + 26);
      const content = at + LOCAL.size + nameLength + this.#uint16(at + 28);
      if (this.#uint32(at) !== LOCAL.signature || content + packed > end)
        refuse(`${name} lies outside of it`);
      if (this.#name(at + LOCAL.size, nameLength) !== name) refuse(`${name} has two names`);
      this.#agree(entry);
      places.set(entry, content);
      free = content + packed;
    }
    return places;
  }

  #agree({ name, at, flags, method, crc, size, packed }: Located): void {
    const localFlags = this.#uint16(at + 6);
    if (this.#uint16(at + 8) !== method || localFlags !== flags) refuse(`${name} has two headers`);
    // They stand behind the content then, for whoever reads without the directory.
    if ((localFlags & SIZES_FOLLOW) !== 0) return;
    const [localSize, localPacked] = [this.#uint32(at + 22), this.#uint32(at + 18)];
    const isSame = (local: number, value: number) => local === value || local === IN_64;
    if (this.#uint32(at + 14) !== crc || !isSame(localSize, size) || !isSame(localPacked, packed))
      refuse(`${name} has two sizes`);
  }

  #opened({ name, method, crc, packed, size }: Located, at: number): ArchiveEntry {
    const content = this.#bytes.subarray(at, at + packed);
    return {
      name: withoutRoot(name),
      size,
      crc,
      read() {
        if (method === STORED) return content;
        try {
          const found = inflateRawSync(content, { maxOutputLength: Math.max(size, 1) });
          if (found.length === size) return found;
        } catch {}
        return refuse(`${name} is damaged`);
      },
    };
  }

  #name(at: number, length: number): string {
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(
        this.#bytes.subarray(at, at + length),
      );
    } catch {
      return refuse('it has a name that is no UTF-8');
    }
  }

  #uint16(at: number): number {
    return this.#inside(at, 2) ? this.#view.getUint16(at, true) : refuse('it is cut short');
  }

  #uint32(at: number): number {
    return this.#inside(at, 4) ? this.#view.getUint32(at, true) : refuse('it is cut short');
  }

  #uint64(at: number): number {
    const value = this.#inside(at, 8) ? Number(this.#view.getBigUint64(at, true)) : refuse('it is cut short');
    return Number.isSafeInteger(value) ? value : refuse(`it would have ${value} bytes`);
  }

  #inside(at: number, length: number): boolean {
    return at >= 0 && at + length <= this.#bytes.length;
  }
}

/** What stands in its place, as far as its first bytes tell. */
function unlike(bytes: Uint8Array): string {
  if (bytes.length === 0) return 'the file is empty';
  const beginning = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 16));
  if (beginning.subarray(1, 6).equals(Buffer.from('NUMPY'))) return 'it is an array of numpy';
  // PROTO, and the number with which PyTorch's files before 1.6 begin.
  if (beginning[0] === 0x80)
    return 'it is a pickle, which only Python can run; save the weights as safetensors there';
  return 'the file is no zip archive';
}

function checkNames(located: readonly Located[]): void {
  const known = new Set<string>();
  const roots = new Set<string>();
  for (const { name } of located) {
    const parts = name.split('/');
    const isPlain =
      name.length <= LONGEST_NAME &&
      parts.length > 1 &&
      !/[\\\0:]/.test(name) &&
      parts.every((part) => part !== '' && part !== '.' && part !== '..');
    if (!isPlain) refuse(`it has a file of the name ${JSON.stringify(name.slice(0, 100))}`);
    // What reads it there does not tell cases apart.
    const key = name.toLowerCase();
    if (known.has(key)) refuse(`it has two files of the name ${name}`);
    known.add(key);
    roots.add(parts[0] as string);
  }
  if (roots.size !== 1) refuse(`it has ${roots.size} root folders`);
}

function withoutRoot(name: string): string {
  return name.slice(name.indexOf('/') + 1);
}
