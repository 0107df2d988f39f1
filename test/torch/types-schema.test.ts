import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { native } from '../../lib/native.ts';
import { functionNames, methodNames } from '../../lib/torch/generated/names.ts';
import { camelCase } from '../../lib/torch/naming.ts';
import { emitAll } from '../../scripts/schema/emit.ts';
import { groupByName, isPublic, publicNames, takeCensus } from '../../scripts/schema/public.ts';

const census = takeCensus(native().schemas());

test('the loaded libtorch lists what the design counted', () => {
  const open = census.aten.filter(isPublic);
  expect(census.aten.length).toBe(3110);
  expect(open.length).toBe(1324);
  expect(groupByName(open).size).toBe(1009);
});

test('these public schemas have a type that TypeScript callers cannot give or get', () => {
  expect(
    census.unmapped.map(({ name, overload }) => (overload ? `${name}.${overload}` : name)).sort(),
  ).toEqual([
    'get_gradients',
    'qscheme',
    'quantized_gru.data',
    'quantized_gru.input',
    'quantized_lstm.data',
    'quantized_lstm.input',
    'record_stream',
    'set.source_Storage',
    'set.source_Storage_storage_offset',
    'set_.source_Storage',
    'set_.source_Storage_storage_offset',
  ]);
});

test('the committed names are the loaded ones', () => {
  const { functions, methods } = publicNames(census);
  expect(functionNames).toEqual(functions);
  expect(methodNames).toEqual(methods);
});

test('the committed files are what the schemas give', () => {
  for (const [file, text] of emitAll(census)) {
    const committed = readFileSync(new URL(`../../lib/torch/generated/${file}`, import.meta.url), 'utf8');
    expect({ file, same: committed === text }).toEqual({ file, same: true });
  }
});

describe('camelCase', () => {
  test('keeps every operator of aten apart', () => {
    const names = [...new Set(census.aten.map(({ name }) => name))];
    expect(new Set(names.map(camelCase)).size).toBe(names.length);
  });

  test('keeps every argument name apart', () => {
    const names = new Set(census.aten.flatMap((schema) => schema.arguments.map(({ name }) => name)));
    expect(new Set([...names].map(camelCase)).size).toBe(names.size);
  });
});
