/** Turns a schema into the parameter lists and the result type that TypeScript sees. */

import { camelCase } from '../../lib/torch/naming.ts';
import type { DefaultValue, Schema, SchemaArgument, SchemaType } from './parse.ts';
import { isBase, isFactory } from './public.ts';

const reservedWords = new Set(
  (
    'break case catch class const continue debugger default delete do else enum export extends false finally for ' +
    'function if implements import in instanceof interface let new null package private protected public return ' +
    'static super switch this throw true try typeof var void while with yield await arguments eval'
  ).split(' '),
);

export function isReserved(name: string): boolean {
  return reservedWords.has(name);
}

const argumentTypes: Readonly<Record<string, string>> = {
  Tensor: 'Tensor',
  Scalar: 'Scalar',
  int: 'Int',
  SymInt: 'Int',
  float: 'number',
  bool: 'boolean',
  SymBool: 'boolean',
  str: 'string',
  ScalarType: 'DType',
  Device: 'Device',
  Layout: 'Layout',
  MemoryFormat: 'MemoryFormat',
  Generator: 'Generator',
};

function elementName(type: SchemaType): string {
  if (type.kind === 'base') return argumentTypes[type.name]!;
  if (type.kind === 'optional') return `(${argumentType(type)})`;
  throw new Error(`Expected a list of plain values but received a list of ${type.kind}`);
}

/** `int[2]` also takes one integer for all; integers in lists are numbers. */
export function argumentType(type: SchemaType): string {
  if (type.kind === 'optional') return `${argumentType(type.element)} | null`;
  if (type.kind === 'base') return argumentTypes[type.name]!;
  if (type.kind !== 'list') throw new Error(`Expected a mapped type but received ${type.kind}`);
  const element = elementName(type.element);
  if (element === 'Int') return type.size === undefined ? 'readonly number[]' : 'Ints';
  return `readonly ${element}[]`;
}

export function resultType(schema: Schema): string {
  const { returns } = schema;
  const named = returns.every((each) => each.name !== undefined);
  const each = returns.map(({ type, name }) => (named ? `${camelCase(name!)}: ` : '') + valueType(type));
  if (returns.length === 0) return 'void';
  return returns.length === 1 ? valueType(returns[0]!.type) : `[${each.join(', ')}]`;
}

function valueType(type: SchemaType): string {
  if (type.kind === 'list') return `${valueType(type.element)}[]`;
  if (type.kind === 'optional') return `${valueType(type.element)} | null`;
  if (isBase(type, 'int') || isBase(type, 'SymInt')) return 'number';
  return argumentType(type);
}

/** It hands back the tensor that it changed. */
export function isInPlace(schema: Schema): boolean {
  const [first] = schema.arguments;
  const [result, ...more] = schema.returns;
  if (!schema.name.endsWith('_') || !first?.alias?.write || more.length > 0) return false;
  return result !== undefined && isBase(result.type, 'Tensor') && result.alias?.write === true;
}

/** Gives a name to the type of an options object that is too long to repeat; the same text gets the same name. */
export type NameOptions = (members: string) => string;

/**
 * The parameter lists of one schema, most often one. Positional parameters come in the schema's order; an options
 * object may stand in the place of any optional one, or last; where the first required one is neither tensor nor
 * number, all may be given by name. `taken` parameters at the front are left out (1 for the `self` of a method).
 */
export function parameterLists(schema: Schema, taken: number, nameOptions: NameOptions): string[] {
  const positional = schema.arguments.filter((argument) => !argument.kwargOnly);
  const keyword = schema.arguments.filter((argument) => argument.kwargOnly);
  // The tensor that a function works on is always positional, so that a method differs by that one only.
  const subject = positional.length > 0 && isTensorLike(positional[0]!.type) ? 1 : 0;
  const front = positional.slice(taken, subject).map((argument) => parameter(argument, ''));
  const rest = positional.slice(subject);
  const required = rest.filter(isRequired);
  const optional = rest.filter((argument) => !isRequired(argument));

  const named = optionsType(schema, optional, keyword, nameOptions);
  const byName = required.length > 0 && subject > 0 && !isValue(required[0]!.type);
  const allNamed = byName ? nameOptions(withMembers(required, named)) : '';

  const list = [
    ...front,
    ...required.map((each) => parameter(each, required.length === 1 ? allNamed : '')),
    ...optional.map((each) => parameter(each, named)),
  ];
  if (keyword.length > 0) {
    const must = keyword.some(isRequired) && optional.length === 0;
    list.push(`options${must ? '' : '?'}: ${optionsType(schema, [], keyword, nameOptions)}`);
  }
  const lists = [list.join(', ')];
  if (byName && required.length > 1) lists.push([...front, `options: ${allNamed}`].join(', '));
  return lists;
}

/** A keyword that may be None needs no value even where the schema has no default: it is None then. */
function isRequired(argument: SchemaArgument): boolean {
  return argument.default === undefined && !(argument.kwargOnly && argument.type.kind === 'optional');
}

function isTensorLike(type: SchemaType): boolean {
  if (type.kind === 'list' || type.kind === 'optional') return isTensorLike(type.element);
  return isBase(type, 'Tensor');
}

/** A tensor, or a number in the place of one. */
function isValue(type: SchemaType): boolean {
  return isTensorLike(type) || isBase(type, 'Scalar');
}

/** The options with the required members in front. */
function withMembers(required: readonly SchemaArgument[], named: string): string {
  const own = required.map(member).join('; ');
  if (named.startsWith('{')) return `{ ${own}; ${named.slice(2)}`;
  return `{ ${own} }${named && ` & ${named}`}`;
}

function member(argument: SchemaArgument): string {
  const optional = isRequired(argument) ? '' : '?';
  return `${camelCase(argument.name)}${optional}: ${argumentType(argument.type)}`;
}

function parameter(argument: SchemaArgument, alternative: string): string {
  const name = camelCase(argument.name);
  const optional = isRequired(argument) ? '' : '?';
  const types = [argumentType(argument.type), ...(alternative ? [alternative] : [])];
  return `${name}${isReserved(name) ? '_' : ''}${optional}: ${types.join(' | ')}`;
}

const factoryNames: ReadonlySet<string> = new Set(['dtype', 'layout', 'device', 'pin_memory']);

function optionsType(
  schema: Schema,
  optional: readonly SchemaArgument[],
  keyword: readonly SchemaArgument[],
  nameOptions: NameOptions,
): string {
  const bases: string[] = [];
  let own = [...optional, ...keyword];
  if (isFactory(schema)) {
    bases.push('FactoryOptions');
    own = own.filter((argument) => !factoryNames.has(argument.name));
  } else if (own.some(isPlainDtype)) {
    bases.push('DtypeOption');
    own = own.filter((argument) => !isPlainDtype(argument));
  }
  if (own.length > 0) bases.push(`{ ${own.map(member).join('; ')} }`);
  return bases.length === 0 ? '' : nameOptions(bases.join(' & '));
}

function isPlainDtype(argument: SchemaArgument): boolean {
  return argument.name === 'dtype' && argument.default === null;
}

const memoryFormats = ['contiguous_format', 'preserve_format', 'channels_last', 'channels_last_3d'];
const dtypes = ['uint8', 'int8', 'int16', 'int32', 'int64', 'float16', 'float32', 'float64'];

/** The defaults that a signature does not show, like `dim = -1, descending = false`; those of None are left out. */
export function describeDefaults(schema: Schema): string {
  return schema.arguments
    .filter((argument) => argument.default !== undefined && argument.default !== null)
    .map((argument) => `${camelCase(argument.name)} = ${describe(argument.default!, argument.type)}`)
    .join(', ');
}

function describe(value: DefaultValue, type: SchemaType): string {
  if (type.kind === 'optional') return describe(value, type.element);
  if (isBase(type, 'MemoryFormat')) return `'${memoryFormats[Number(value)]}'`;
  if (isBase(type, 'ScalarType')) return `'${dtypes[Number(value)]}'`;
  if (typeof value === 'string') return `'${value}'`;
  return JSON.stringify(value).replaceAll(',', ', ');
}
