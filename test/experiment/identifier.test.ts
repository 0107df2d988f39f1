import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { hidden } from '../../lib/experiment/hidden.ts';
import {
  addPretasks,
  bool,
  type Config,
  config,
  configure,
  constant,
  copy,
  dict,
  enumeration,
  float,
  identifier,
  int,
  int64,
  lightweightTask,
  list,
  meta,
  optional,
  param,
  path,
  pathname,
  set,
  setMeta,
  string,
} from '../../lib/experiment/index.ts';
import { ConfigInt, CycleA, CycleB, cases, ModelContainer, SubModel } from './stability.ts';

const vectors = new URL('../../../shared/data/identifiers/vectors.json', import.meta.url);
const testVectors = existsSync(vectors) ? test : test.skip;

describe('identifiers of experimaestro', () => {
  testVectors('all vectors (skipped where ../shared/data/identifiers is not there)', () => {
    const expected = JSON.parse(readFileSync(vectors, 'utf8')) as Record<string, string>;
    const found = Object.entries(cases).map(([name, [root, ...initTasks]]) => [
      name,
      identifier(root, initTasks),
    ]);
    expect(Object.fromEntries(found)).toEqual(expected);
  });
});

/** The bytes of the rules, written down once more. */
const i64 = (value: bigint) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(value);
  return bytes;
};
const f64 = (value: number) => {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  return bytes;
};
const bytes = (...parts: (number | string | Buffer)[]) =>
  Buffer.concat(
    parts.map((part) => (typeof part === 'number' ? Buffer.of(part) : Buffer.from(part as string))),
  );
const digest = (...parts: (number | string | Buffer)[]) =>
  createHash('sha256')
    .update(bytes(...parts))
    .digest();
const hex = (...parts: (number | string | Buffer)[]) => digest(...parts).toString('hex');
const name = (text: string) => bytes(3, text, 5);
const intDigest = (x: bigint) => digest(0, 'test.stability.configint', name('x'), 1, i64(x));
const x = (value: number) => new ConfigInt({ x: value });

class Numbers extends config(import.meta, 'T.Numbers', {
  whole: param(int, { default: 0, ignoreDefault: true }),
  big: param(int64, { default: 0, ignoreDefault: true }),
  real: param(float, { default: 0, ignoreDefault: true }),
  flag: param(bool, { default: false, ignoreDefault: true }),
}) {}

describe('what no vector covers', () => {
  test.each<[string, Numbers, Buffer]>([
    ['int', new Numbers({ whole: 1 }), bytes(name('whole'), 1, i64(1n))],
    ['float of the same value', new Numbers({ real: 1 }), bytes(name('real'), 2, f64(1))],
    ['bool, as an int', new Numbers({ flag: true }), bytes(name('flag'), 1, i64(1n))],
    ['negative int', new Numbers({ whole: -7 }), bytes(name('whole'), 1, i64(-7n))],
    ['beyond 2^53', new Numbers({ big: 2n ** 53n + 1n }), bytes(name('big'), 1, i64(9007199254740993n))],
    ['the least integer', new Numbers({ big: -(2n ** 63n) }), bytes(name('big'), 1, i64(-(2n ** 63n)))],
    [
      'NaN, which equals no default',
      new Numbers({ real: Number.NaN }),
      bytes(name('real'), 2, Buffer.from('7ff8000000000000', 'hex')),
    ],
    [
      'infinity',
      new Numbers({ real: -Infinity }),
      bytes(name('real'), 2, Buffer.from('fff0000000000000', 'hex')),
    ],
    ['-0, which equals the default 0', new Numbers({ real: -0, whole: -0 }), bytes()],
  ])('%s', (_, numbers, hashed) => {
    expect(identifier(numbers)).toBe(hex(0, 't.numbers', hashed));
  });

  test('-0 without a default has its own bytes', () => {
    class One extends config(import.meta, 'T.One', { x: param(float), y: param(int) }) {}
    const end = bytes(name('y'), 1, i64(0n));
    expect(identifier(new One({ x: -0, y: -0 }))).toBe(
      hex(0, 't.one', name('x'), 2, Buffer.from('8000000000000000', 'hex'), end),
    );
  });

  test('parameters and keys are sorted by code point, whatever their order in the source', () => {
    class Sorted extends config(import.meta, 'T.Sorted', { b: param(dict(int)), a: param(string) }) {}
    const astral = '\u{1F600}';
    const found = new Sorted({ b: { [astral]: 1, '\uFF5E': 2, a: 3, 10: 4, 9: 5 }, a: 'é' });
    const key = (text: string, value: bigint) => bytes(3, text, 1, i64(value));
    const entries = bytes(key('10', 4n), key('9', 5n), key('a', 3n), key('\uFF5E', 2n), key(astral, 1n));
    expect(identifier(found)).toBe(hex(0, 't.sorted', name('a'), 3, 'é', name('b'), 9, entries));
  });

  test('sets are sorted by the digest of their elements', () => {
    class Sets extends config(import.meta, 'T.Sets', {
      all: param(set(ConfigInt)),
      words: param(set(string)),
    }) {}
    const elements = [1n, 2n, 3n].map((value) => bytes(0, intDigest(value)));
    const words = ['a', 'b', 'c'].map((word) => bytes(3, word));
    const sorted = (parts: Buffer[]) =>
      Buffer.concat([...parts].sort((a, b) => digest(a).compare(digest(b))));
    const expected = hex(
      0,
      't.sets',
      bytes(name('all'), 0x0e, f64(3), sorted(elements)),
      bytes(name('words'), 0x0e, f64(3), sorted(words)),
    );
    expect(identifier(new Sets({ all: [x(3), x(1), x(2)], words: ['c', 'a', 'b'] }))).toBe(expected);
    expect(identifier(new Sets({ all: new Set([x(1), x(2), x(3)]), words: new Set(['a', 'b', 'c']) }))).toBe(
      expected,
    );
  });

  test('an enumeration is its id and the name of the member, also where the value is another', () => {
    const Mode = { FAST: 1, EXACT: 2 } as const;
    class Run extends config(import.meta, 'T.Run', { mode: param(enumeration('pkg.Mode', Mode)) }) {}
    expect(identifier(new Run({ mode: Mode.EXACT }))).toBe(
      hex(0, 't.run', name('mode'), 0x0a, 'pkg.Mode:EXACT'),
    );
  });

  test('none is left out where it is the default, and written where it is not', () => {
    class Maybe extends config(import.meta, 'T.Maybe', {
      a: param(optional(int)),
      b: param(optional(int), { default: 1 }),
      c: param(list(optional(int)), { default: [], ignoreDefault: true }),
    }) {}
    expect(identifier(new Maybe({ b: null }))).toBe(hex(0, 't.maybe', name('b'), 6));
    expect(identifier(new Maybe({ a: 2, c: [null, 3] }))).toBe(
      hex(0, 't.maybe', name('a'), 1, i64(2n), name('b'), 1, i64(1n), name('c'), 7, f64(2), 6, 1, i64(3n)),
    );
  });

  test('constants always count; metas and paths, generated or given, never', () => {
    class Mixed extends config(import.meta, 'T.Mixed', {
      version: constant(int, 3),
      device: meta(string, { default: 'cpu' }),
      data: param(pathname),
      log: path('log'),
    }) {}
    expect(identifier(new Mixed({ data: '/a', device: 'cuda' }))).toBe(
      hex(0, 't.mixed', name('version'), 1, i64(3n)),
    );
  });

  test('setMeta takes a configuration out of a parameter, a list, a set and a dictionary', () => {
    class Holder extends config(import.meta, 'T.Holder', {
      one: param(optional(ConfigInt)),
      many: param(list(ConfigInt), { default: [], ignoreDefault: true }),
      all: param(set(ConfigInt), { default: [], ignoreDefault: true }),
      named: param(dict(ConfigInt), { default: {}, ignoreDefault: true }),
    }) {}
    const out = () => setMeta(x(9), true);
    const empty = new Holder();
    expect(identifier(new Holder({ one: out(), many: [out()], all: [out()], named: { a: out() } }))).toBe(
      identifier(empty),
    );
    const mixed = new Holder({ many: [out(), x(1), out()], named: { a: out(), b: x(1) } });
    expect(identifier(mixed)).toBe(identifier(new Holder({ many: [x(1)], named: { b: x(1) } })));
    expect(identifier(mixed)).not.toBe(identifier(empty));
  });

  test('setMeta(x, false) puts a configuration in, also where the parameter is a meta', () => {
    class Quiet extends config(import.meta, 'T.Quiet', { inner: meta(ConfigInt) }) {}
    expect(identifier(new Quiet({ inner: x(1) }))).toBe(hex(0, 't.quiet'));
    expect(identifier(new Quiet({ inner: setMeta(x(1), false) }))).toBe(
      hex(0, 't.quiet', name('inner'), 0, intDigest(1n)),
    );
  });

  test('a default that is a configuration is compared by its identity', () => {
    class Outer extends config(import.meta, 'T.Outer', {
      inner: param(ConfigInt, { default: () => x(1), ignoreDefault: true }),
    }) {}
    expect(identifier(new Outer())).toBe(hex(0, 't.outer'));
    expect(identifier(new Outer({ inner: x(1) }))).toBe(hex(0, 't.outer'));
    expect(identifier(new Outer({ inner: x(2) }))).toBe(hex(0, 't.outer', name('inner'), 0, intDigest(2n)));
  });

  test('a producing task stands before the class id', () => {
    const output = x(1);
    const producer = { task: 'p', identifier: 'ab'.repeat(32), directory: '/p', self: false };
    hidden(output).producer = producer;
    const task = bytes(8, 0, Buffer.from(producer.identifier, 'hex'));
    expect(identifier(output)).toBe(hex(0, task, 'test.stability.configint', name('x'), 1, i64(1n)));
    hidden(output).producer = { ...producer, self: true };
    expect(identifier(output)).toBe(identifier(x(1)));
  });

  test('circles count the levels up to where they come back', () => {
    const a = new CycleA();
    configure(a, { b: new CycleB({ a }) });
    const b = digest(0, 'test.stability.cycleb', name('a'), 0, 0x0b, i64(2n));
    expect(identifier(a)).toBe(hex(0, 'test.stability.cyclea', name('b'), 0, b));
    class Self extends config(import.meta, 'T.Self', { me: param(optional(CycleA)) }) {}
    const self = new Self();
    Object.defineProperty(self, 'me', { value: self });
    expect(identifier(self)).toBe(hex(0, 't.self', name('me'), 0, 0x0b, i64(1n)));
  });

  test('instance configurations of equal content are told apart, one object used twice is not', () => {
    const model = digest(0, 'test.stability.submodel');
    const first = bytes(name('m1'), 0, model, name('m2'), 0, model);
    const shared = new SubModel();
    expect(identifier(new ModelContainer({ m1: shared, m2: shared }))).toBe(
      hex(0, 'test.stability.modelcontainer', first),
    );
    expect(identifier(new ModelContainer({ m1: new SubModel(), m2: new SubModel() }))).toBe(
      hex(0, 'test.stability.modelcontainer', first, 0x0d, i64(1n)),
    );
    const other = digest(0, 'test.stability.submodel', name('value'), 1, i64(1n));
    expect(identifier(new ModelContainer({ m1: new SubModel(), m2: new SubModel({ value: 1 }) }))).toBe(
      hex(0, 'test.stability.modelcontainer', name('m1'), 0, model, name('m2'), 0, other),
    );
  });

  test('the order of init tasks matters', () => {
    const of = (...tasks: Config[]) => identifier(x(0), tasks);
    const end = (...values: bigint[]) => bytes(0x0c, ...values.map((value) => bytes(0, intDigest(value))));
    const start = bytes(0, 'test.stability.configint', name('x'), 1, i64(0n));
    expect(of(x(1), x(2))).toBe(hex(start, end(1n, 2n)));
    expect(of(x(2), x(1))).toBe(hex(start, end(2n, 1n)));
    expect(of()).toBe(hex(start));
  });

  test('pretasks are in the identity of the copy that has them, not of the original', () => {
    class Load extends lightweightTask(import.meta, 'T.Load', { what: param(string) }) {
      override execute() {}
    }
    const original = x(1);
    const ready = addPretasks(copy(original), new Load({ what: 'a' }));
    const load = digest(0, 't.load', name('what'), 3, 'a');
    expect(identifier(ready)).toBe(hex(0, 'test.stability.configint', name('x'), 1, i64(1n), 0x0c, 0, load));
    expect(identifier(original)).toBe(intDigest(1n).toString('hex'));
  });

  test('a subclass inherits parameters, and the id is compared in lower case', () => {
    class Base extends config(import.meta, 'T.BASE', { z: param(int, { default: 1 }) }) {}
    class Derived extends config(import.meta, 'T.Derived', { a: param(int) }, Base) {}
    expect(identifier(new Base())).toBe(hex(0, 't.base', name('z'), 1, i64(1n)));
    expect(identifier(new Derived({ a: 2 }))).toBe(
      hex(0, 't.derived', name('a'), 1, i64(2n), name('z'), 1, i64(1n)),
    );
  });

  test('where something lies is in no identity, nor is none where none is the default', () => {
    class Files extends config(import.meta, 'T.Files', {
      one: param(optional(pathname)),
      several: param(list(pathname), { default: () => [] }),
      named: param(dict(pathname), { default: () => ({}) }),
      none: param(optional(int), { default: null }),
      other: param(optional(int)),
    }) {}
    const files = new Files({ one: '/a', several: ['/b'], named: { c: '/c' }, none: null });
    expect(identifier(files)).toBe(hex(0, 't.files'));
    expect(identifier(new Files())).toBe(hex(0, 't.files'));
    expect(identifier(new Files({ none: 3 }))).toBe(hex(0, 't.files', name('none'), 1, i64(3n)));
  });

  test('a copy is as much in an identity as its original', () => {
    const original = setMeta(x(1), true);
    class Of extends config(import.meta, 'T.Of', { it: param(optional(ConfigInt)) }) {}
    expect(identifier(new Of({ it: copy(original) }))).toBe(identifier(new Of({ it: original })));
    expect(identifier(new Of({ it: x(1) }))).not.toBe(identifier(new Of({ it: original })));
  });
});
