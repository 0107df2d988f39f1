import { describe, expect, test } from '@jest/globals';
import { parseSchema } from '../../scripts/schema/parse.ts';
import { isFactory, isMapped, isMethod, isPublic } from '../../scripts/schema/public.ts';
import {
  argumentType,
  describeDefaults,
  parameterLists,
  resultType,
} from '../../scripts/schema/typescript.ts';

const add = parseSchema('aten::add.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor');
const sum = parseSchema(
  'aten::sum.dim_IntList(Tensor self, int[1]? dim, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor',
);
const inPlace = parseSchema(
  'aten::add_.Tensor(Tensor(a!) self, Tensor other, *, Scalar alpha=1) -> Tensor(a!)',
);
const out = parseSchema('aten::add.out(Tensor self, Tensor other, *, Tensor(a!) out) -> Tensor(a!)');
const zeros = parseSchema(
  'aten::zeros(SymInt[] size, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor',
);

describe('parseSchema', () => {
  test('reads names, arguments and defaults', () => {
    expect(add).toMatchObject({ namespace: 'aten', name: 'add', overload: 'Tensor', variadic: false });
    expect(add.arguments).toEqual([
      { name: 'self', type: { kind: 'base', name: 'Tensor' }, kwargOnly: false },
      { name: 'other', type: { kind: 'base', name: 'Tensor' }, kwargOnly: false },
      { name: 'alpha', type: { kind: 'base', name: 'Scalar' }, kwargOnly: true, default: 1 },
    ]);
  });

  test('reads optional, list and sized types', () => {
    expect(sum.arguments[1]!.type).toEqual({
      kind: 'optional',
      element: { kind: 'list', element: { kind: 'base', name: 'int' }, size: 1 },
    });
    expect(sum.arguments[3]!.default).toBeNull();
  });

  test('reads alias sets', () => {
    expect(inPlace.arguments[0]!.alias).toEqual({ sets: ['a'], write: true });
    const split = parseSchema(
      'aten::split(Tensor(a -> *) self, SymInt split_size, int dim=0) -> Tensor(a)[]',
    );
    expect(split.arguments[0]!.alias).toEqual({ sets: ['a'], write: false });
    expect(split.returns[0]).toMatchObject({ type: { kind: 'list' }, alias: { sets: ['a'], write: false } });
  });

  test('reads named, tuple and no results', () => {
    const max = parseSchema('aten::max.dim(Tensor self, int dim) -> (Tensor values, Tensor indices)');
    expect(max.returns.map(({ name }) => name)).toEqual(['values', 'indices']);
    expect(parseSchema('aten::f(Tensor self) -> ()').returns).toEqual([]);
  });

  test('reads strings, numbers and lists as defaults', () => {
    const schema = parseSchema(
      String.raw`aten::f(str a="\"\'\\", float b=1.0000000000000001e-05, int[2] c=[0, -1], bool d=True, float e=-inf) -> Tensor`,
    );
    expect(schema.arguments.map((argument) => argument.default)).toEqual([
      `"'\\`,
      1e-5,
      [0, -1],
      true,
      -Infinity,
    ]);
  });

  test('reads classes, dictionaries and variadic operators', () => {
    const dict = parseSchema('aten::g(__torch__.torch.classes.a.B[] x) -> Dict(Tensor, Tensor)');
    expect(dict.returns[0]!.type).toMatchObject({ kind: 'generic', name: 'Dict' });
    expect(isMapped(dict)).toBe(false);
    expect(parseSchema('prim::h(...) -> ...')).toMatchObject({ variadic: true, arguments: [], returns: [] });
  });

  test.each([
    ['add(Tensor self) -> Tensor', 'Expected "::" at column 4'],
    ['aten::add(Tensor) -> Tensor', 'Expected " " at column 17'],
    ['aten::add(Tensor self) -> Tensor!', 'Expected the end at column 33'],
    ['aten::add(Tensor self=Mean) -> Tensor', 'Expected a default value that is known'],
  ])('refuses %s', (text, message) => {
    expect(() => parseSchema(text)).toThrow(message);
  });
});

describe('what is public', () => {
  test('operators without underscore, out and backward', () => {
    expect([add, inPlace, out].map(isPublic)).toEqual([true, true, false]);
    expect(isPublic(parseSchema('aten::_add(Tensor self) -> Tensor'))).toBe(false);
    expect(isPublic(parseSchema('aten::elu_backward(Tensor self) -> Tensor'))).toBe(false);
  });

  test('methods take self, factories take layout and pin_memory', () => {
    expect([add, zeros].map(isMethod)).toEqual([true, false]);
    expect([add, zeros].map(isFactory)).toEqual([false, true]);
  });
});

describe('signatures', () => {
  const inline = (members: string) => members;

  test('positional in order, keywords last', () => {
    expect(parameterLists(add, 0, inline)).toEqual([
      'self: Tensor, other: Tensor, options?: { alpha?: Scalar }',
    ]);
    expect(parameterLists(add, 1, inline)).toEqual(['other: Tensor, options?: { alpha?: Scalar }']);
  });

  test('options may stand in the place of an optional argument, and give a required one by name', () => {
    const named = 'DtypeOption & { keepdim?: boolean }';
    expect(parameterLists(sum, 1, inline)).toEqual([
      `dim: Ints | null | { dim: Ints | null } & ${named}, keepdim?: boolean | ${named}, options?: DtypeOption`,
    ]);
  });

  test('factories take the common options', () => {
    expect(parameterLists(zeros, 0, inline)).toEqual(['size: readonly number[], options?: FactoryOptions']);
  });

  test('several required arguments by name are a list of their own', () => {
    const gather = parseSchema(
      'aten::gather(Tensor self, int dim, Tensor index, *, bool sparse_grad=False) -> Tensor',
    );
    expect(parameterLists(gather, 1, inline)).toEqual([
      'dim: Int, index: Tensor, options?: { sparseGrad?: boolean }',
      'options: { dim: Int; index: Tensor; sparseGrad?: boolean }',
    ]);
  });

  test('reserved words get an underscore', () => {
    const schema = parseSchema('aten::f(Tensor self, Tensor new) -> Tensor');
    expect(parameterLists(schema, 1, inline)).toEqual(['new_: Tensor']);
  });

  test.each([
    ['int[]', 'readonly number[]'],
    ['SymInt[2]', 'Ints'],
    ['SymInt', 'Int'],
    ['Tensor?[]', 'readonly (Tensor | null)[]'],
    ['float[]?', 'readonly number[] | null'],
    ['Scalar[]', 'readonly Scalar[]'],
    ['ScalarType', 'DType'],
  ])('%s is %s', (type, expected) => {
    expect(argumentType(parseSchema(`aten::f(${type} x) -> Tensor`).arguments[0]!.type)).toBe(expected);
  });

  test.each([
    ['()', 'void'],
    ['int', 'number'],
    ['(Tensor values, Tensor[] bin_edges)', '[values: Tensor, binEdges: Tensor[]]'],
    ['(Tensor, int)', '[Tensor, number]'],
    ['Tensor(a)[]', 'Tensor[]'],
  ])('the result %s is %s', (returns, expected) => {
    expect(resultType(parseSchema(`aten::f(Tensor self) -> ${returns}`))).toBe(expected);
  });

  test('defaults are told as TypeScript writes them', () => {
    const schema = parseSchema(
      'aten::f(Tensor self, int[2] stride=[1, 1], str mode="mean", MemoryFormat? memory_format=0, ScalarType? dtype=4, int? n=None) -> Tensor',
    );
    expect(describeDefaults(schema)).toBe(
      "stride = [1, 1], mode = 'mean', memoryFormat = 'contiguous_format', dtype = 'int64'",
    );
  });
});
