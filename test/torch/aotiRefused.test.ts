/** What `torch.inductor.aotiLoadPackage` refuses before any of it runs, and how it reads what a package takes. */
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterEach, describe, expect, test } from '@jest/globals';
import { ArgumentError } from '../../lib/errors.ts';
import * as torch from '../../lib/torch/index.ts';
import { evaluate, parseExpression } from '../../lib/torch/inductor/expression.ts';
import { checkInputs } from '../../lib/torch/inductor/inputs.ts';
import { checkMachine, thisMachine } from '../../lib/torch/inductor/machine.ts';
import { flattenCall, parseCall, parseTree, unflatten } from '../../lib/torch/inductor/treeSpec.ts';
import { readWrapper } from '../../lib/torch/inductor/wrapper.ts';
import { hostileValues } from '../robustness/hostile.ts';
import { seeded } from '../robustness/random.ts';
import { type Part, zip } from '../support/zip.ts';

afterEach(() => {
  expect(readdirSync(tmpdir()).filter((name) => name.startsWith(`xpmir-package-${process.pid}-`))).toEqual(
    [],
  );
});

const here = thisMachine();
const metadata = {
  AOTI_DEVICE_KEY: 'cpu',
  AOTI_PLATFORM: here.platform,
  AOTI_MACHINE: here.machine[0] as string,
  AOTI_CPU_ISA: '',
};

/** An input as AOTInductor writes its check: sizes are fixed, or a pair of bounds. */
function checked(
  i: number,
  name: string,
  dtype: string,
  sizes: readonly (number | readonly [number, number])[],
): string {
  const lines = sizes.flatMap((size, d) =>
    typeof size === 'number'
      ? [`    if (${size} != ${name}_size[${d}]) {`]
      : [`    if (${name}_size[${d}] < ${size[0]}) {`, `    if (${name}_size[${d}] > ${size[1]}) {`],
  );
  return `AOTI_NOINLINE static void check_input_${i}(
    AtenTensorHandle* input_handles
) {
    ConstantHandle ${name} = ConstantHandle(input_handles[${i}]);
    int32_t ${name}_expected_dtype = aoti_torch_dtype_${dtype}();
${lines.join('\n')}
    int32_t ${name}_expected_device_type = 0;
}
`;
}

const asserted = (name: string, sizes: string, strides: string) =>
  `    if (_check_aoti_runtime_check_inputs_env()) { assert_size_stride(${name}, {${sizes}}, {${strides}}, "input"); }\n`;

const wrapper = `    inputs_info_[0].name = "a";
    inputs_info_[1].name = "b";
${checked(0, 'a', 'int64', [[2, 64], 8])}${checked(1, 'b', 'float32', [
  [4, 129],
  [0, 64],
])}
void AOTInductorModel::run_impl(
    auto a_size = a.sizes();
    int64_t s7 = a_size[0];
    int64_t s8 = s7;
    int64_t u0 = buf0.item();
${asserted('a', 's7, 8L', '8L, 1L')}${asserted('b', '2L*s8 + 1L, s7', 'std::max(static_cast<int64_t>(1L), static_cast<int64_t>(s7)), 1L')}}
`;

const MODEL = 'root/data/aotinductor/model/a';
const good: readonly Part[] = [
  { name: 'root/archive_format', content: Buffer.from('pt2') },
  { name: `${MODEL}.wrapper.cpp`, content: Buffer.from(wrapper) },
  { name: `${MODEL}.wrapper.so`, content: Buffer.from('no library'.repeat(99)) },
  { name: `${MODEL}.wrapper_metadata.json`, content: Buffer.from(JSON.stringify(metadata)) },
];
const without = (end: string) => good.filter(({ name }) => !name.endsWith(end));
const changed = (end: string, content: string, change: Partial<Part> = {}) =>
  good.map((part) =>
    part.name.endsWith(end) ? { ...part, content: Buffer.from(content), ...change } : part,
  );
const more = (name: string) => [...good, { name: `root/${name}`, content: Buffer.from('x') }];

describe('a package', () => {
  test.each<[string, RegExp, () => Uint8Array]>([
    ['nothing', /the file is empty/, () => Buffer.alloc(0)],
    ['no archive', /no zip archive/, () => Buffer.from('a package that is none'.repeat(9))],
    ['cut short', /cut short/, () => zip(good).subarray(0, -1)],
    ['TorchScript', /torch\.jit\.load/, () => zip([{ name: 'm/constants.pkl', content: Buffer.from('x') }])],
    ['another format', /another format/, () => zip(changed('archive_format', 'pt3'))],
    [
      'an exported program',
      /no compiled model/,
      () => zip([good[0] as Part, ...more('models/model.json').slice(-1)]),
    ],
    ['no library', /no file \*\.so: it was packaged as source/, () => zip(without('.so'))],
    ['two libraries', /2 files \*\.so/, () => zip(more('data/aotinductor/model/b.so'))],
    ['no metadata', /older PyTorch/, () => zip(without('.json'))],
    ['metadata that is no JSON', /no JSON/, () => zip(changed('.json', '{'))],
    ['metadata that is no object', /no object/, () => zip(changed('.json', '[]'))],
    ['metadata that is no text', /no text for a/, () => zip(changed('.json', '{"a": 1}'))],
    ['no wrapper', /what it takes cannot be known/, () => zip(without('.cpp'))],
    [
      'a wrapper of another kind',
      /does not say which tensors/,
      () => zip(changed('.cpp', `inputs_info_[0].name = ""`)),
    ],
    [
      'another machine',
      /compiled for moon/,
      () => zip(changed('.json', JSON.stringify({ ...metadata, AOTI_PLATFORM: 'moon' }))),
    ],
    ['damage', /is damaged/, () => zip(changed('.so', 'other', { central: { crc: 1 }, local: { crc: 1 } }))],
    ['a name that leaves it', /a file of the name/, () => zip(more('data/aotinductor/model/../../../../x'))],
    [
      'a file in the place of a directory',
      /could not be unpacked/,
      () => zip(more('data/aotinductor/model/a.wrapper.so/x')),
    ],
    ['a library that is none', /ELF|mach-o|library|image/i, () => zip(good)],
  ])('%s', (_, reason, make) => {
    const load = () => torch.inductor.aotiLoadPackage(make());
    expect(load).toThrow(reason);
    expect(load).toThrow(expect.objectContaining({ code: 'ERR_FILE', name: 'ArgumentError' }));
  });

  test('hostile arguments', () => {
    const bytes = zip(good);
    for (const { make } of hostileValues)
      for (const call of [
        () => torch.inductor.aotiLoadPackage(make() as never),
        () => torch.inductor.aotiLoadPackage(bytes, make() as never),
        () => torch.inductor.aotiLoadPackage(bytes, { modelName: make() as never }),
        () => torch.inductor.aotiLoadPackage(bytes, { device: make() as never }),
        () => torch.inductor.aotiLoadPackage(bytes, { sha256: make() as never }),
      ])
        expect(call).toThrow();
  });
});

test('machines are compared', () => {
  const machine = { platform: 'linux', machine: ['x86_64'], features: new Set(['avx2', 'fma', 'f16c']) };
  const wanted = { AOTI_PLATFORM: 'linux', AOTI_MACHINE: 'x86_64', AOTI_CPU_ISA: 'AVX2' };
  expect(() => checkMachine(wanted, machine)).not.toThrow();
  const avx512 = { ...wanted, AOTI_CPU_ISA: 'AVX512 AVX512_VNNI' };
  expect(() => checkMachine(avx512, machine)).toThrow(
    /compiled for AVX512 AVX512_VNNI, this processor has no avx512f, .*avx512bw, avx512_vnni$/,
  );
  expect(() => checkMachine(avx512, { ...machine, features: undefined })).not.toThrow();
  expect(() => checkMachine({ ...wanted, AOTI_PLATFORM: 'darwin' }, machine)).toThrow(
    /for darwin, this is linux/,
  );
  expect(() => checkMachine({ ...wanted, AOTI_MACHINE: 'aarch64' }, machine)).toThrow(
    /for aarch64, this is x86_64/,
  );
});

test('expressions of sizes', () => {
  const value = (text: string) => {
    const expression = parseExpression(text);
    return (
      expression &&
      evaluate(
        expression,
        (name, index) => ({ s0: 7, s1: 3 })[name] ?? (name === 'x_size' ? index : undefined),
      )
    );
  };
  const known: Record<string, number> = {
    '2L*s0 + 1L': 15,
    's0 - s1 - 1': 3,
    '-s0*(s1 + 2)': -35,
    's0 / 2L': 3,
    's0 % s1': 1,
    'x_size[2]': 2,
    'std::max<int64_t>({s0, s1, 9L})': 9,
    'std::min(s0, static_cast<int64_t>(s1))': 3,
    'c10::div_floor_integer(static_cast<int64_t>(s0), static_cast<int64_t>(2L))': 3,
  };
  for (const [text, wanted] of Object.entries(known)) expect(value(text)).toBe(wanted);
  for (const text of [
    '',
    's0 +',
    '(s0',
    'std::pow(s0, 2)',
    's0 s1',
    '{1,',
    's9',
    '('.repeat(1e5),
    '-'.repeat(1e5),
    'constructor(1)',
  ])
    expect(value(text)).toBeUndefined();
});

describe('what a wrapper takes', () => {
  const spec = readWrapper(wrapper);
  const check = (...tensors: torch.Tensor[]) =>
    checkInputs(
      spec,
      tensors.map((tensor, i) => ({ name: `input ${i}`, tensor })),
    );
  const ids = (...shape: number[]) => torch.ones(shape, { dtype: 'int64' });

  test('is compared', () => {
    expect(check(ids(3, 8), torch.ones([7, 3]))).toEqual([8, 1, 3, 1]);
    // A size of 1 is one that the export did not tell from 2.
    expect(() => check(ids(1, 8), torch.ones([4, 1]))).toThrow(
      /Expected 3, which follows .* size 0 of input 1/,
    );
    expect(() => check(ids(3, 8), torch.ones([7, 4]))).toThrow(
      /Expected 3, which follows .* size 1 of input 1/,
    );
    expect(() => check(ids(3, 8), torch.ones([7]))).toThrow(/2 dimensions for input 1/);
    expect(() => check(ids(65, 8), torch.ones([7, 3]))).toThrow(/1 to 64 for size 0 of input 0/);
    expect(() => check(torch.ones([3, 8]), torch.ones([7, 3]))).toThrow(/int64 for the dtype of input 0/);
    expect(() => check(ids(3, 8))).toThrow(/2 inputs but received 1/);
  });

  test.each<[string, RegExp, string]>([
    ['a check less', /which tensors/, wrapper.replace('check_input_1', 'other')],
    ['checks in disorder', /which tensors/, wrapper.replace('check_input_1', 'check_input_2')],
    ['no dtype', /what input 0 is/, wrapper.replace('aoti_torch_dtype_int64', 'x')],
    ['no bounds', /size 0 of input 0 may be/, wrapper.replaceAll(/ {4}if \(a_size\[0\].*\n/g, '')],
    ['another number of sizes', /numbers of dimensions/, wrapper.replace('{s7, 8L}', '{s7}')],
    ['no assertions', /without assertions of sizes/, wrapper.replaceAll('assert_size_stride', 'x')],
    ['sizes of something else', /depend on more than sizes/, wrapper.replace('2L*s8', '2L*u0')],
    ['sizes that are not understood', /not understood/, wrapper.replace('2L*s8', 'std::pow(s8, 2)')],
  ])('%s is refused', (_, reason, text) => {
    expect(() => readWrapper(text)).toThrow(reason);
    expect(() => readWrapper(text)).toThrow(expect.objectContaining({ code: 'ERR_FILE' }));
  });

  test('1,000 of which some letters are others are read or refused', () => {
    const dice = seeded(3);
    for (let i = 0; i < 1000; i++) {
      const letters = [...wrapper];
      for (let k = dice.below(4); k >= 0; k--)
        letters[dice.below(letters.length)] = String.fromCharCode(32 + dice.below(95));
      try {
        readWrapper(letters.join(''));
      } catch (error) {
        expect(error).toBeInstanceOf(ArgumentError);
      }
    }
  });
});

test('trees of arguments and results', () => {
  const leaf = { type: null, context: null, children_spec: [] };
  const tuple = (...children: object[]) => ({
    type: 'builtins.tuple',
    context: 'null',
    children_spec: children,
  });
  const dict = (keys: unknown[], ...children: object[]) => ({
    type: 'builtins.dict',
    context: JSON.stringify(keys),
    children_spec: children,
  });
  const text = (tree: object) => JSON.stringify([1, tree]);
  const call = parseCall(text(tuple(tuple(leaf, dict(['k'], tuple(leaf, leaf))), dict(['mask'], leaf))));
  const [a, b, c, d] = [1, 2, 3, 4].map((value) => torch.tensor([value]));
  const found = flattenCall(call, [a, { k: [b, 'fixed'] }, { mask: c }]);
  expect(found.map(({ name }) => name)).toEqual([
    'argument 1',
    'element 0 of k of argument 2',
    'mask of the named arguments',
  ]);
  expect(found.map(({ tensor }) => tensor.item())).toEqual([1, 2, 3]);
  for (const wrong of [
    [],
    [a],
    [a, { k: [b, c] }],
    [a, { k: [b] }, { mask: c }],
    [a, { k: [b, c], l: d }, { mask: c }],
  ])
    expect(() => flattenCall(call, wrong)).toThrow(ArgumentError);
  for (const { make } of hostileValues) {
    try {
      flattenCall(call, [make(), { k: make() }, make()]);
    } catch {
      // Whatever it is, it ends.
    }
  }
  const results = parseTree(text(dict([1, 2], leaf, tuple(leaf))));
  expect(unflatten(results, ['a', 'b'])).toEqual(
    new Map<number, unknown>([
      [1, 'a'],
      [2, ['b']],
    ]),
  );
  expect(() => unflatten(results, [a])).toThrow(/2 results/);
  for (const wrong of [
    '',
    '[2, null]',
    '[1]',
    '[1, {"type": "builtins.dict", "context": "[1]", "children_spec": []}]',
  ])
    expect(() => parseTree(wrong)).toThrow(/call spec/);
});
