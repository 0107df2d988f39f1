/** What TypeScript infers: checked by `npm run typecheck`, where an expected error that does not come is an error. */
import { expect, test } from '@jest/globals';
import {
  bool,
  config,
  constant,
  type Dep,
  dict,
  enumeration,
  float,
  int,
  int64,
  list,
  meta,
  optional,
  param,
  path,
  pathname,
  set,
  string,
  task,
} from '../../lib/experiment/index.ts';

/** Fails to compile unless both types are the same. */
function same<A, B>(
  ..._proof: (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? [] : [never]
): void {}

class Inner extends config(import.meta, 'types.Inner', { x: param(int, { default: 1 }) }) {
  double(): number {
    return this.x * 2;
  }
}
abstract class Base extends config(import.meta, 'types.Base', { inner: param(Inner) }) {
  abstract run(): void;
}
class Outer extends config(
  import.meta,
  'types.Outer',
  {
    big: param(int64, { default: 0 }),
    rates: param(list(float)),
    flags: param(dict(bool), { default: {} }),
    names: meta(set(string), { default: [] }),
    maybe: param(optional(Inner)),
    mode: param(enumeration('types.Mode', ['a', 'b']), { default: 'a' }),
    file: param(pathname, { default: '/' }),
    version: constant(int, 1),
    log: path('log'),
  },
  Base,
) {
  run(): void {}
}

class Produces extends task(import.meta, 'types.Produces', { x: param(int) }) {
  override execute() {}
  override taskOutputs(dep: Dep): { inner: Inner } {
    return { inner: dep(new Inner()) };
  }
}
class Plain extends task(import.meta, 'types.Plain', {}) {
  override execute() {}
}

test('fields have the types of their declarations', () => {
  same<Outer['big'], bigint>();
  same<Outer['rates'], readonly number[]>();
  same<Outer['flags'], Readonly<Record<string, boolean>>>();
  same<Outer['names'], ReadonlySet<string>>();
  same<Outer['maybe'], Inner | undefined>();
  same<Outer['mode'], 'a' | 'b'>();
  same<Outer['file'], string>();
  same<Outer['version'], number>();
  same<Outer['log'], string>();
  same<Outer['inner'], Inner>();
  // @ts-expect-error: the proof needs what cannot be given when types differ
  same<Outer['big'], number>();
  expect(new Inner().double()).toBe(2);
});

test('constructors take what is declared, and nothing else', () => {
  const inner = new Inner();
  const outer = new Outer({
    inner,
    rates: [1],
    big: 2,
    names: ['a'],
    maybe: null,
    file: new URL('file:///x'),
  });
  const refused = [
    // @ts-expect-error: rates and inner are required
    () => new Outer(),
    // @ts-expect-error: rates is required
    () => new Outer({ inner }),
    // @ts-expect-error: a string is no number
    () => new Outer({ inner, rates: ['1'] }),
    // @ts-expect-error: not a member
    () => new Outer({ inner, rates: [], mode: 'c' }),
    // @ts-expect-error: no such parameter
    () => new Outer({ inner, rates: [], rate: 1 }),
    // @ts-expect-error: a constant is not given
    () => new Outer({ inner, rates: [], version: 2 }),
    // @ts-expect-error: a generated path is not given
    () => new Outer({ inner, rates: [], log: '/x' }),
    // @ts-expect-error: of another class
    () => new Outer({ inner: {}, rates: [] }),
    // @ts-expect-error: fields are read-only
    () => (outer.rates = []),
    // @ts-expect-error: lists are read-only
    () => outer.rates.push(1),
    // @ts-expect-error: not an integer
    () => new (class extends config(import.meta, 'types.C', { a: param(int, { default: 'x' }) }) {})(),
    // @ts-expect-error: a default is the value or makes it
    () => new (class extends config(import.meta, 'types.D', { a: param(Inner, { default: () => 3 }) }) {})(),
  ];
  for (const each of refused) expect(each).toThrow();
});

test('abstract members are asked for, and submit returns what taskOutputs returns', () => {
  // @ts-expect-error: run is not there
  class Incomplete extends config(import.meta, 'types.Incomplete', {}, Base) {}
  // @ts-expect-error: execute is not there
  class NoTask extends task(import.meta, 'types.NoTask', {}) {}
  same<ReturnType<typeof submitProduces>, { inner: Inner }>();
  same<ReturnType<typeof submitPlain>, Plain>();
  expect([Incomplete.name, NoTask.name]).toEqual(['Incomplete', 'NoTask']);
  // @ts-expect-error: an abstract class makes no objects
  expect(() => new Base()).toThrow('base.inner');
});

interface Batch<T> {
  readonly items: readonly T[];
}
abstract class Source<T = unknown> extends config(import.meta, 'types.Source', { size: param(int) }) {
  abstract next(): Batch<T>;
}
abstract class Consumer<T = unknown> extends config(
  import.meta,
  'types.Consumer',
  { source: param(Source), others: param(list(Source), { default: [] }) },
  Inner,
) {
  // TypeScript lets no base class name the parameter T: the field is narrowed here.
  declare readonly source: Source<T>;

  total(): number {
    return this.source.next().items.reduce((sum, item) => sum + this.weight(item), 0);
  }

  protected abstract weight(item: T): number;
}
class Words extends config(import.meta, 'types.Words', {}, Source<string>) {
  next(): Batch<string> {
    return { items: Array.from({ length: this.size }, () => 'word') };
  }
}
class Letters extends config(
  import.meta,
  'types.Letters',
  { factor: param(int, { default: 1 }) },
  Consumer<string>,
) {
  protected weight(item: string): number {
    return this.factor * item.length;
  }
}

test('abstract classes may be generic', () => {
  const letters = new Letters({ source: new Words({ size: 3 }), factor: 2 });
  same<Letters['source'], Source<string>>();
  same<Letters['others'], readonly Source[]>();
  same<Letters['x'], number>();
  expect(letters.total()).toBe(24);
  // @ts-expect-error: source is required, as the base declares it
  expect(() => new Letters({ factor: 2 })).toThrow('letters.source');
});

const submitProduces = () => new Produces({ x: 1 }).submit();
const submitPlain = () => new Plain().submit();
