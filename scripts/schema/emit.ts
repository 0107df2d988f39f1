/** Writes the generated files of lib/torch/generated as text. */

import { camelCase } from '../../lib/torch/naming.ts';
import { OptionNames } from './options.ts';
import type { Schema } from './parse.ts';
import {
  type Census,
  groupBy,
  groupByName,
  handWrittenFunctions,
  isMapped,
  isMethod,
  isPublic,
  publicNames,
  writesOut,
} from './public.ts';
import { describeDefaults, isInPlace, isReserved, parameterLists, resultType } from './typescript.ts';

const HEADER =
  '// Written by scripts/generate-types.ts from the schemas of libtorch. Do not edit: run `npm run generate`.\n\n';

/** Where the types come from that a signature may name. */
const SOURCES: Readonly<Record<string, readonly string[]>> = {
  '../complex.ts': ['Complex'],
  '../dtype.ts': ['Device', 'DType', 'Layout', 'MemoryFormat'],
  '../random.ts': ['Generator'],
  '../tensor.ts': ['Tensor'],
};

/** The imports of whatever the text names. */
function importsOf(text: string, options: OptionNames): string {
  const words = new Set(text.match(/\b[A-Z]\w*/g));
  const sources = { ...SOURCES, './options.ts': options.names(), './types.ts': ['TorchFunctions'] };
  return Object.entries(sources)
    .map(([source, names]) => [source, names.filter((name) => words.has(name)).sort()] as const)
    .filter(([, names]) => names.length > 0 && !text.includes(`export interface ${names[0]} `))
    .map(([source, names]) => `import type { ${names.join(', ')} } from '${source}';\n`)
    .join('');
}

/** The text of each generated file by its name. */
export function emitAll(census: Census): ReadonlyMap<string, string> {
  const options = new OptionNames();
  const types = emitTypes(census, options);
  const aten = emitAten(census, options);
  return new Map([
    ['names.ts', emitNames(census)],
    ['functions.ts', emitFunctions(census)],
    ['types.ts', types],
    ['aten.ts', aten],
    ['options.ts', emitOptions(options)],
  ]);
}

function emitNames(census: Census): string {
  const { functions, methods } = publicNames(census);
  const list = (names: readonly string[]) => names.map((name) => `  '${name}',\n`).join('');
  return (
    HEADER +
    `/** Every public operator, as PyTorch spells it. */\n` +
    `export const functionNames: readonly string[] = [\n${list(functions)}];\n\n` +
    `/** Those that are methods: the first parameter is \`self: Tensor\`. */\n` +
    `export const methodNames: readonly string[] = [\n${list(methods)}];\n`
  );
}

function emitFunctions(census: Census): string {
  const names = publicNames(census)
    .functions.map(camelCase)
    .filter((name) => !handWrittenFunctions.has(name));
  const plain = names.filter((name) => !isReserved(name)).map((name) => `  ${name},\n`);
  const reserved = names.filter(isReserved);
  return (
    HEADER +
    `import { F } from '../functions.ts';\n\nexport const {\n${plain.join('')}} = F;\n\n` +
    `const { ${reserved.map((name) => `${name}: ${name}_`).join(', ')} } = F;\n` +
    `export { ${reserved.map((name) => `${name}_ as ${name}`).join(', ')} };\n`
  );
}

function emitTypes(census: Census, options: OptionNames): string {
  const functions = groupByName(census.mapped);
  const methods = groupByName(census.mapped.filter(isMethod));
  const methodNames = publicNames(census).methods;
  const body =
    `/** The operators as functions. */\nexport interface TorchFunctions {\n` +
    [...functions.values()].map((group) => overloads(group, 0, options)).join('') +
    `}\n\n` +
    `/** The operators whose first parameter is a tensor, as methods of Tensor. */\nexport interface TensorMethods {\n` +
    methodNames.map((name) => overloads(methods.get(name)!, 1, options)).join('') +
    `}\n`;
  const again = `export type { AtenOperators } from './aten.ts';\n`;
  return `${HEADER}${importsOf(body, options)}\n${again}\n${body}`;
}

function emitOptions(options: OptionNames): string {
  const body = options.emit();
  return `${HEADER}${importsOf(body, new OptionNames())}\n${body}`;
}

/** One line for each signature of one name; a signature that an earlier one already has is left out. */
function overloads(group: readonly Schema[], taken: number, options: OptionNames): string {
  const lines = new Map<string, string>();
  for (const schema of group) {
    const name = camelCase(schema.name);
    const result = taken > 0 && isInPlace(schema) ? 'this' : resultType(schema);
    const defaults = describeDefaults(schema);
    for (const parameters of parameterLists(schema, taken, options.of(schema))) {
      const line = `${name}(${parameters}): ${result};\n`;
      if (!lines.has(line)) lines.set(line, `  ${defaults && `/** ${defaults} */ `}${line}`);
    }
  }
  return [...lines.values()].join('');
}

/** Every operator of aten under its own name, callable as a whole and by overload. */
function emitAten(census: Census, options: OptionNames): string {
  const body =
    `/** Every operator of the \`aten\` namespace as PyTorch spells it; an overload is a property. */\n` +
    `export interface AtenOperators {\n${[...groupByName(census.aten).values()]
      .map((group) => atenOperator(group, options))
      .join('')}}\n`;
  return `${HEADER}${importsOf(body, options)}\n${body}`;
}

function atenOperator(group: readonly Schema[], options: OptionNames): string {
  const mapped = group.filter(isMapped);
  if (mapped.length === 0) return '';
  const { name } = group[0]!;
  const parts = mapped.some(isPublic) ? [`TorchFunctions['${camelCase(name)}']`] : [calls(mapped, options)];
  const named = groupBy(
    mapped.filter((schema) => schema.overload !== ''),
    resultType,
  );
  for (const [result, schemas] of named)
    parts.push(`Overloads<${result}, ${schemas.map(({ overload }) => `'${overload}'`).join(' | ')}>`);
  return `  readonly ${name}: ${parts.join(' & ')};\n`;
}

/** The signatures of an operator that has no public function; the forms that write to an \`out\` only if all do. */
function calls(schemas: readonly Schema[], options: OptionNames): string {
  const plain = schemas.filter((schema) => !writesOut(schema));
  const lines = (plain.length > 0 ? plain : schemas).flatMap((schema) =>
    parameterLists(schema, 0, options.of(schema)).map((list) => `(${list}): ${resultType(schema)}`),
  );
  return `{ ${[...new Set(lines)].join('; ')} }`;
}
