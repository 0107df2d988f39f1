/** Strings and their numbers, in three typed arrays: no object a string, and nothing to build when they are read. */
import { ArgumentError } from '../../errors.ts';
import { grown } from './grown.ts';

/** The arrays of a table, as they are saved. */
export interface StringTableArrays {
  /** UTF-8 of all strings, one after the other. */
  readonly bytes: Uint8Array;
  /** Where each of them ends. */
  readonly ends: Uint32Array;
  /** A hash table of their numbers + 1, 0 where it is free; its length is a power of two. */
  readonly slots: Uint32Array;
}

const encoder = new TextEncoder();

/** Numbers strings from 0 in the order in which they came. */
export class StringTable {
  #bytes: Uint8Array;
  #ends: Uint32Array;
  #slots: Uint32Array;
  #size: number;
  /** UTF-8 of the string at hand. */
  #scratch = new Uint8Array(256);

  constructor(
    { bytes, ends, slots }: StringTableArrays = {
      bytes: new Uint8Array(0),
      ends: new Uint32Array(0),
      slots: new Uint32Array(16),
    },
  ) {
    this.#bytes = bytes;
    this.#ends = ends;
    this.#slots = slots;
    this.#size = ends.length;
  }

  get size(): number {
    return this.#size;
  }

  get arrays(): StringTableArrays {
    return {
      bytes: this.#bytes.subarray(0, this.#end(this.#size - 1)),
      ends: this.#ends.subarray(0, this.#size),
      slots: this.#slots,
    };
  }

  /** The number of a string, −1 when it is not there. */
  find(text: string): number {
    const length = this.#encode(text);
    return (this.#slots[this.#slotOf(this.#scratch, 0, length)] as number) - 1;
  }

  /** The number of a string, a new one when it is not there. */
  add(text: string): number {
    const length = this.#encode(text);
    const slot = this.#slotOf(this.#scratch, 0, length);
    const found = this.#slots[slot] as number;
    if (found !== 0) return found - 1;
    const number = this.#size;
    const from = this.#end(number - 1);
    const end = from + length;
    if (end > 0xffffffff) throw new ArgumentError('Expected at most 4 GiB of identifiers and of terms');
    this.#bytes = grown(this.#bytes, end);
    this.#bytes.set(this.#scratch.subarray(0, length), from);
    this.#ends = grown(this.#ends, number + 1);
    this.#ends[number] = end;
    this.#size = number + 1;
    this.#slots[slot] = number + 1;
    if (this.#size * 2 > this.#slots.length) this.#rehash();
    return number;
  }

  at(number: number): string {
    const bytes = this.#bytes.subarray(this.#end(number - 1), this.#end(number));
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString();
  }

  /** Orders two strings by their bytes, which is by their code points. */
  compare(a: number, b: number): number {
    let i = this.#end(a - 1);
    let j = this.#end(b - 1);
    const [endA, endB] = [this.#end(a), this.#end(b)];
    for (; i < endA && j < endB; i++, j++) {
      const difference = (this.#bytes[i] as number) - (this.#bytes[j] as number);
      if (difference !== 0) return difference;
    }
    return endA - i - (endB - j);
  }

  #end(number: number): number {
    return number < 0 ? 0 : (this.#ends[number] as number);
  }

  #encode(text: string): number {
    if (text.length * 3 > this.#scratch.length) this.#scratch = new Uint8Array(text.length * 3);
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code > 127) return encoder.encodeInto(text, this.#scratch).written;
      this.#scratch[i] = code;
    }
    return text.length;
  }

  /** Where a string is, or would be put. */
  #slotOf(bytes: Uint8Array, from: number, length: number): number {
    const mask = this.#slots.length - 1;
    let slot = hash(bytes, from, length) & mask;
    for (;;) {
      const found = this.#slots[slot] as number;
      if (found === 0 || this.#equals(found - 1, bytes, from, length)) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #equals(number: number, bytes: Uint8Array, from: number, length: number): boolean {
    const start = this.#end(number - 1);
    if (this.#end(number) - start !== length) return false;
    for (let i = 0; i < length; i++) if (this.#bytes[start + i] !== bytes[from + i]) return false;
    return true;
  }

  #rehash(): void {
    this.#slots = new Uint32Array(this.#slots.length * 2);
    const mask = this.#slots.length - 1;
    for (let number = 0; number < this.#size; number++) {
      const from = this.#end(number - 1);
      let slot = hash(this.#bytes, from, this.#end(number) - from) & mask;
      while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
      this.#slots[slot] = number + 1;
    }
  }
}

/** FNV-1a, and a last mix, as only the low bits are used. Part of the format: saved slots rely on it. */
function hash(bytes: Uint8Array, from: number, length: number): number {
  let h = 0x811c9dc5;
  for (let i = from; i < from + length; i++) h = Math.imul(h ^ (bytes[i] as number), 0x01000193);
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  return (h ^ (h >>> 13)) >>> 0;
}
