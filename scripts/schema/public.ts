/** Which operators the public face of `xpmir/torch` has, and which of them no TypeScript type can express. */

import { camelCase } from '../../lib/torch/naming.ts';
import { parseSchema, type Schema, type SchemaArgument, type SchemaType } from './parse.ts';

/** Members of Tensor that are written by hand in lib/torch/tensor.ts; the generated interface leaves them out. */
export const handWrittenMembers: ReadonlySet<string> = new Set(
  [
    'shape ndim dtype device requiresGrad grad isLeaf item tolist toTypedArray to backward registerHook at index',
    'indexPut_ data dispose isDisposed toString constructor',
  ].flatMap((line) => line.split(' ')),
);

/** Functions that are written by hand in lib/torch/factories.ts, so no export is made of the operator. */
export const handWrittenFunctions: ReadonlySet<string> = new Set(['tensor', 'full', 'scalarTensor']);

/** Base types of schemas that cross the border. A schema with any other one is unmapped. */
const mappedTypes: ReadonlySet<string> = new Set(
  'Tensor Scalar int SymInt float bool SymBool str ScalarType Device Layout MemoryFormat Generator'.split(
    ' ',
  ),
);

export interface Census {
  /** Every schema of `aten`, in the library's order. */
  readonly aten: readonly Schema[];
  /** The public schemas whose types all cross the border. */
  readonly mapped: readonly Schema[];
  /** The public schemas with a type that does not. */
  readonly unmapped: readonly Schema[];
}

export function takeCensus(texts: readonly string[]): Census {
  const aten = texts.filter((text) => text.startsWith('aten::')).map(parseSchema);
  const open = aten.filter(isPublic);
  return { aten, mapped: open.filter(isMapped), unmapped: open.filter((schema) => !isMapped(schema)) };
}

/**
 * Public: no leading underscore, nothing written through a keyword (the `out=` forms), not the backward half of
 * another operator. This is 1,324 overloads under 1,009 names in libtorch 2.13.0.
 */
export function isPublic(schema: Schema): boolean {
  return !schema.name.startsWith('_') && !schema.name.includes('backward') && !writesOut(schema);
}

/** Its results go to tensors that a keyword names, mostly `out`. */
export function writesOut(schema: Schema): boolean {
  return schema.arguments.some((argument) => argument.kwargOnly && argument.alias?.write);
}

export function isMapped(schema: Schema): boolean {
  const types = [...schema.arguments, ...schema.returns].map(({ type }) => type);
  return !schema.variadic && types.every(isMappedType);
}

function isMappedType(type: SchemaType): boolean {
  if (type.kind === 'base') return mappedTypes.has(type.name);
  return (type.kind === 'list' || type.kind === 'optional') && isMappedType(type.element);
}

export function isBase(type: SchemaType, name: string): boolean {
  return type.kind === 'base' && type.name === name;
}

/** A method is an operator whose first parameter is `self: Tensor`. */
export function isMethod(schema: Schema): boolean {
  const [first] = schema.arguments;
  return first !== undefined && !first.kwargOnly && first.name === 'self' && isBase(first.type, 'Tensor');
}

/** It makes a tensor out of nothing: layout and pin_memory are keywords. */
export function isFactory(schema: Schema): boolean {
  const keyword = (name: string) =>
    schema.arguments.some((each: SchemaArgument) => each.kwargOnly && each.name === name);
  return keyword('layout') && keyword('pin_memory');
}

export function groupBy<Item>(
  items: readonly Item[],
  key: (item: Item) => string,
): ReadonlyMap<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const group = groups.get(key(item));
    if (group) group.push(item);
    else groups.set(key(item), [item]);
  }
  return groups;
}

/** Schemas by name, the names in alphabetical order, the overloads of one name in the library's order. */
export function groupByName(schemas: readonly Schema[]): ReadonlyMap<string, readonly Schema[]> {
  return new Map([...groupBy(schemas, ({ name }) => name)].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The names that functions and methods get, in snake_case. */
export function publicNames(census: Census): { functions: readonly string[]; methods: readonly string[] } {
  return {
    functions: [...groupByName(census.mapped).keys()],
    methods: [...groupByName(census.mapped.filter(isMethod)).keys()].filter(
      (name) => !handWrittenMembers.has(camelCase(name)),
    ),
  };
}
