/**
 * The pickles in a TorchScript archive, read as libtorch's own machine would, without making anything: it trusts the lengths
 * and sizes that stand in them, and takes the memory, or the bytes behind a tensor, that they promise.
 * Opcodes: Python's `pickletools`; which of them are written: torch/csrc/jit/serialization/pickler.h.
 */

/** What libtorch frees by recursion: a stack of 8 MiB holds some ten thousand levels. */
const DEEPEST = 1000;
const DEEPEST_TYPE = 100;

// biome-ignore format: a table
/** Bytes of an element, by the name of its storage. */
const ELEMENTS: Readonly<Record<string, number>> = {
  Bool: 1, Byte: 1, Char: 1, QInt8: 1, QUInt8: 1, QUInt4x2: 1, QUInt2x4: 1,
  Float8_e5m2: 1, Float8_e4m3fn: 1, Float8_e5m2fnuz: 1, Float8_e4m3fnuz: 1, Float8_e8m0fnu: 1, Float4_e2m1fn_x2: 1,
  Short: 2, UInt16: 2, Half: 2, BFloat16: 2,
  Int: 4, UInt32: 4, Float: 4, QInt32: 4, ComplexHalf: 4,
  Long: 8, UInt64: 8, Double: 8, ComplexFloat: 8,
  ComplexDouble: 16,
};

interface Item {
  /** Levels of what it holds. */
  depth: number;
  readonly value?: number | string;
  /** Of a tuple. */
  readonly items?: readonly Item[];
  /** Elements of a storage. */
  readonly elements?: number;
  /** A list, dictionary or object that is in another one: what is put into it now would be deeper than was counted. */
  isHeld?: boolean;
}

/** Thrown with what is wrong. */
export class PickleError extends Error {}

/**
 * Reads a pickle and checks it.
 *
 * @param recordSize bytes of the record with this name, which holds a storage; undefined where there is none
 * @throws PickleError for lengths beyond the pickle, storages beyond their records, tensors beyond their storages, nesting that
 * is deeper than any model's, and what libtorch does not read
 */
export function checkPickle(bytes: Uint8Array, recordSize: (key: string) => number | undefined): void {
  new Machine(bytes, recordSize).run();
}

class Machine {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #recordSize: (key: string) => number | undefined;
  readonly #memo = new Map<number, Item>();
  readonly #marks: number[] = [];
  #stack: Item[] = [];
  #at = 0;

  constructor(bytes: Uint8Array, recordSize: (key: string) => number | undefined) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#recordSize = recordSize;
  }

  run(): void {
    for (;;) {
      const opcode = this.#byte();
      if (opcode === 0x2e) return; // STOP
      this.#step(opcode);
    }
  }

  #step(opcode: number): void {
    switch (opcode) {
      case 0x80: // PROTO
        this.#byte();
        return;
      case 0x28: // MARK
        this.#marks.push(this.#stack.length);
        return;
      case 0x4e: // NONE
      case 0x88: // NEWTRUE
      case 0x89: // NEWFALSE
        return this.#push({ depth: 0 });
      case 0x4b: // BININT1
        return this.#push({ depth: 0, value: this.#byte() });
      case 0x4d: // BININT2
        return this.#push({ depth: 0, value: this.#view.getUint16(this.#take(2), true) });
      case 0x4a: // BININT
        return this.#push({ depth: 0, value: this.#view.getInt32(this.#take(4), true) });
      case 0x8a: // LONG1
        return this.#push({ depth: 0, value: this.#long() });
      case 0x47: // BINFLOAT
        this.#take(8);
        return this.#push({ depth: 0 });
      case 0x58: // BINUNICODE
        return this.#push({ depth: 0, value: this.#text() });
      case 0x63: // GLOBAL
        return this.#push({ depth: 0, value: `${this.#line()}.${this.#line()}` });
      case 0x29: // EMPTY_TUPLE
        return this.#push({ depth: 1, items: [] });
      case 0x5d: // EMPTY_LIST
      case 0x7d: // EMPTY_DICT
        return this.#push({ depth: 1 });
      case 0x85: // TUPLE1 to TUPLE3
      case 0x86:
      case 0x87:
        return this.#tuple(this.#pop(opcode - 0x84));
      case 0x74: // TUPLE
        return this.#tuple(this.#sinceMark());
      case 0x6c: // LIST
      case 0x64: // DICT
        return this.#push({ depth: 1 + deepest(this.#sinceMark()) });
      case 0x61: // APPEND
        return this.#put(this.#pop(1));
      case 0x73: // SETITEM
        return this.#put(this.#pop(2));
      case 0x65: // APPENDS
      case 0x75: // SETITEMS
        return this.#put(this.#sinceMark());
      case 0x62: // BUILD
        return this.#put(this.#pop(1));
      case 0x81: // NEWOBJ
        return this.#push({ depth: 1 + deepest(this.#pop(2)) });
      case 0x52: // REDUCE
        return this.#reduce();
      case 0x51: // BINPERSID
        return this.#storage();
      case 0x71: // BINPUT
        this.#memo.set(this.#byte(), this.#top());
        return;
      case 0x72: // LONG_BINPUT
        this.#memo.set(this.#view.getUint32(this.#take(4), true), this.#top());
        return;
      case 0x68: // BINGET
        return this.#get(this.#byte());
      case 0x6a: // LONG_BINGET
        return this.#get(this.#view.getUint32(this.#take(4), true));
      default:
        refuse(`has the opcode ${opcode}, which no archive has`);
    }
  }

  #byte(): number {
    return this.#bytes[this.#take(1)] as number;
  }

  /** Where the next bytes begin. */
  #take(count: number): number {
    const at = this.#at;
    if (count > this.#bytes.length - at) refuse('ends too early');
    this.#at += count;
    return at;
  }

  #long(): number {
    const length = this.#byte();
    if (length !== 8) refuse(`has an integer of ${length} bytes`);
    return Number(this.#view.getBigInt64(this.#take(8), true));
  }

  #text(): string {
    const length = this.#view.getUint32(this.#take(4), true);
    const at = this.#take(length);
    const text = Buffer.from(this.#bytes.buffer, this.#bytes.byteOffset + at, length).toString('latin1');
    if (nesting(text) > DEEPEST_TYPE && /^[\w.[\], ]*$/.test(text)) refuse('has a type that nests too deep');
    return text;
  }

  #line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at);
    if (end < 0) refuse('ends too early');
    const at = this.#take(end + 1 - this.#at);
    return Buffer.from(this.#bytes.buffer, this.#bytes.byteOffset + at, end - at).toString('latin1');
  }

  #push(item: Item): void {
    if (item.depth > DEEPEST) refuse(`nests more than ${DEEPEST} levels`);
    this.#stack.push(item);
  }

  #top(): Item {
    return this.#stack.at(-1) ?? refuse('has nothing where there should be a value');
  }

  #pop(count: number): Item[] {
    const floor = this.#marks.at(-1) ?? 0;
    if (this.#stack.length - count < floor) refuse('has nothing where there should be a value');
    return this.#stack.splice(this.#stack.length - count);
  }

  #sinceMark(): Item[] {
    const mark = this.#marks.pop() ?? refuse('has no mark where there should be one');
    return this.#stack.splice(mark);
  }

  #tuple(items: readonly Item[]): void {
    this.#push({ depth: 1 + deepest(items), items });
  }

  /** Into the list, dictionary or object that is on top now. */
  #put(items: readonly Item[]): void {
    const into = this.#top();
    if (into.items !== undefined || into.value !== undefined || into.isHeld === true)
      refuse('puts values where there is no place');
    into.depth = Math.max(into.depth, 1 + deepest(items));
    if (into.depth > DEEPEST) refuse(`nests more than ${DEEPEST} levels`);
    if (items.includes(into)) refuse('has a value that holds itself');
  }

  #get(key: number): void {
    this.#push(this.#memo.get(key) ?? refuse('asks for a value that was not kept'));
  }

  /** ('storage', class, key, location, elements) */
  #storage(): void {
    const [id] = this.#pop(1);
    const [kind, type, key, , elements] = id?.items ?? [];
    const element = ELEMENTS[/^torch\.(\w+)Storage$/.exec(String(type?.value))?.[1] ?? ''];
    if (kind?.value !== 'storage' || element === undefined || !isCount(elements?.value))
      refuse('names a storage in another way than PyTorch does');
    const count = elements?.value as number;
    const size = this.#recordSize(String(key?.value));
    if (size === undefined || count * element > size)
      refuse(`has a storage of ${count * element} bytes, of which the archive has ${size ?? 'none'}`);
    this.#push({ depth: 1, elements: count });
  }

  #reduce(): void {
    const [, args] = this.#pop(2);
    const [storage, offset, sizes, strides] = args?.items ?? [];
    if (storage?.elements !== undefined) checkPlaces(storage.elements, offset, sizes, strides);
    this.#push({ depth: 1 + (args?.depth ?? 0) });
  }
}

/** That every element of a tensor lies in its storage. */
function checkPlaces(elements: number, offset?: Item, sizes?: Item, strides?: Item): void {
  const numbers = (item?: Item) => (item?.items ?? [item]).map((each) => each?.value);
  const [[first], shape, steps] = [numbers(offset), numbers(sizes), numbers(strides)];
  if (!isCount(first) || !shape.every(isCount) || !steps.every(isCount) || shape.length !== steps.length)
    refuse('has a tensor whose sizes are no numbers');
  const last = shape.reduce((sum, size, i) => sum + (size - 1) * (steps[i] as number), first);
  if (!shape.includes(0) && last >= elements)
    refuse(`has a tensor of shape [${shape.join(', ')}] in a storage of ${elements} elements`);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function deepest(items: readonly Item[]): number {
  let depth = 0;
  for (const item of items) {
    item.isHeld = true;
    depth = Math.max(depth, item.depth);
  }
  return depth;
}

/** How deep brackets nest in a text. */
function nesting(text: string): number {
  let [depth, most] = [0, 0];
  for (const character of text) {
    if (character === '(' || character === '[' || character === '{') most = Math.max(most, ++depth);
    else if (character === ')' || character === ']' || character === '}') depth--;
  }
  return most;
}

function refuse(reason: string): never {
  throw new PickleError(reason);
}
