/**
 * Identifiers and their numbers, in typed arrays: a Map of as many strings takes several times the memory.
 */
import { ArgumentError } from '../../errors.ts';

/** What a table consists of. */
export interface IdArrays {
  /** UTF-8 of all identifiers, one after the other. */
  readonly bytes: Uint8Array;
  /** Identifier n lies from offset n to offset n + 1; there is one more than there are identifiers. */
  readonly offsets: Uint32Array;
  /** Numbers, plus one, where the hash of their identifier or a collision put them; 0 where none is. A power of two. */
  readonly buckets: Uint32Array;
}

/** A hash table with open addressing, at most half full. Numbers are given in the order of adding, from 0. */
export class IdTable {
  #size: number;
  #bytes: Uint8Array;
  #offsets: Uint32Array;
  #buckets: Uint32Array;
  /** UTF-8 of the identifier at hand. */
  #key = Buffer.alloc(256);

  constructor({ bytes, offsets, buckets }: IdArrays = emptyArrays()) {
    this.#bytes = bytes;
    this.#offsets = offsets;
    this.#buckets = buckets;
    this.#size = offsets.length - 1;
  }

  get size(): number {
    return this.#size;
  }

  /** Undefined when the identifier is not there. */
  find(id: string): number | undefined {
    const found = this.#buckets[this.#bucketOf(this.#encode(id))] as number;
    return found === 0 ? undefined : found - 1;
  }

  /** @returns whether it was not there before */
  add(id: string): boolean {
    const length = this.#encode(id);
    const bucket = this.#bucketOf(length);
    if (this.#buckets[bucket] !== 0) return false;
    const end = this.#end + length;
    if (end > 2 ** 32 - 1) throw new ArgumentError('expected identifiers of less than 4 GiB in all');
    if (end > this.#bytes.length) this.#bytes = grown(this.#bytes, new Uint8Array(2 * end));
    if (this.#size + 2 > this.#offsets.length)
      this.#offsets = grown(this.#offsets, new Uint32Array(2 * this.#offsets.length));
    this.#bytes.set(this.#key.subarray(0, length), this.#end);
    this.#buckets[bucket] = ++this.#size;
    this.#offsets[this.#size] = end;
    if (2 * this.#size > this.#buckets.length) this.#rehash();
    return true;
  }

  /** The identifier of a number that is there. */
  at(number: number): string {
    const bytes = this.#bytes.subarray(this.#offsets[number], this.#offsets[number + 1]);
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
  }

  arrays(): IdArrays {
    return {
      bytes: this.#bytes.subarray(0, this.#end),
      offsets: this.#offsets.subarray(0, this.#size + 1),
      buckets: this.#buckets,
    };
  }

  get #end(): number {
    return this.#offsets[this.#size] as number;
  }

  #encode(id: string): number {
    // Of one UTF-16 unit come at most three bytes.
    if (3 * id.length > this.#key.length) this.#key = Buffer.alloc(6 * id.length);
    return this.#key.write(id, 'utf8');
  }

  /** Where the key is, or would be. */
  #bucketOf(length: number): number {
    const mask = this.#buckets.length - 1;
    for (let bucket = hash(this.#key, 0, length) & mask; ; bucket = (bucket + 1) & mask) {
      const found = this.#buckets[bucket] as number;
      if (found === 0 || this.#isKey(found - 1, length)) return bucket;
    }
  }

  #isKey(number: number, length: number): boolean {
    const start = this.#offsets[number] as number;
    if ((this.#offsets[number + 1] as number) - start !== length) return false;
    for (let i = 0; i < length; i++) if (this.#bytes[start + i] !== this.#key[i]) return false;
    return true;
  }

  #rehash(): void {
    this.#buckets = new Uint32Array(2 * this.#buckets.length);
    const mask = this.#buckets.length - 1;
    for (let number = 0; number < this.#size; number++) {
      const start = this.#offsets[number] as number;
      let bucket = hash(this.#bytes, start, this.#offsets[number + 1] as number) & mask;
      while (this.#buckets[bucket] !== 0) bucket = (bucket + 1) & mask;
      this.#buckets[bucket] = number + 1;
    }
  }
}

function emptyArrays(): IdArrays {
  return { bytes: new Uint8Array(1024), offsets: new Uint32Array(1), buckets: new Uint32Array(64) };
}

/** FNV-1a (Fowler, Noll, Vo) of 32 bits, its upper half mixed into the lower. */
function hash(bytes: Uint8Array, start: number, end: number): number {
  let value = 0x811c9dc5;
  for (let i = start; i < end; i++) value = Math.imul(value ^ (bytes[i] as number), 0x01000193);
  return (value ^ (value >>> 15)) >>> 0;
}

function grown<A extends Uint8Array | Uint32Array>(from: A, to: A): A {
  to.set(from);
  return to;
}
