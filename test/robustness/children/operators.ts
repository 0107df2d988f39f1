/**
 * `operators.ts SEED ROUNDS [FIRST LAST]`: every operator, the private ones too, with arguments of the right kinds and
 * hostile values: what libtorch itself does not survive, native/guards.cc must refuse.
 */

import { native } from '../../../lib/native.ts';
import * as torch from '../../../lib/torch/index.ts';
import {
  parseSchema,
  type Schema,
  type SchemaArgument,
  type SchemaType,
} from '../../../scripts/schema/parse.ts';
import { announce, judge, limitMemory, newVerdicts, report } from '../judge.ts';
import { type Random, seeded } from '../random.ts';

const [seed, rounds, first = 0, last = Infinity] = process.argv.slice(2).map(Number) as [
  number,
  number,
  number?,
  number?,
];
torch.setNumThreads(1);
limitMemory(2 ** 31);

/** Operators that do what a caller asks for, and would end the test or take minutes; each with the reason. */
const left: readonly [RegExp, string][] = [
  [/^aten::(from_file|save|_print|warn)/, 'files and output'],
  [/laguerre|legendre|chebyshev|hermite/, 'takes as long as its degree is large'],
  [/^aten::_cslt|^aten::_?cudnn|^aten::.*(mps|cuda|hip|miopen|xnnpack|vulkan)/, 'another device'],
];

const shapes = [
  [],
  [0],
  [1],
  [2],
  [3],
  [2, 2],
  [2, 3],
  [0, 3],
  [1, 2, 3],
  [2, 2, 3, 3],
  [1, 1, 2, 2, 2],
  [4, 4],
];
const dtypes = [
  'float32',
  'float32',
  'float32',
  'float64',
  'int64',
  'int64',
  'int32',
  'bool',
  'complex64',
  'bfloat16',
  'uint8',
];
const integers = [
  0,
  0,
  1,
  1,
  2,
  3,
  -1,
  -1,
  -2,
  5,
  64,
  2 ** 31,
  -(2 ** 31),
  2n ** 63n - 1n,
  -(2n ** 63n),
  2n ** 62n,
];
const floats = [0, 1, 0.5, -1, NaN, Infinity, -Infinity, 1e308, 5e-324, -0];
const strings = ['', 'mean', 'none', 'reflect', 'constant', 'trunc', 'floor', 'ij,jk->ik', 'linear', 'x'];

function tensor({ next, pick, below }: Random): torch.Tensor {
  const shape = pick(shapes);
  const dtype = pick(dtypes) as torch.DType;
  const kind = next();
  if (kind < 0.03) return torch.empty(shape, { dtype, device: 'meta' });
  const count = shape.reduce((product, size) => product * size, 1);
  const values = Array.from({ length: count }, () =>
    dtype === 'uint8' || dtype === 'bool' ? below(2) : below(7) - 3,
  );
  const result = torch.tensor(values, { dtype }).reshape(shape);
  if (kind < 0.06 && shape.length > 0) return result.toSparse();
  if (kind < 0.12 && shape.length > 1) return result.transpose(0, 1);
  if (kind < 0.2 && shape.length === 2) return torch.tensor([2 ** 40, -5, 0], { dtype: 'int64' });
  if (kind < 0.3 && /float/.test(dtype)) return result.detach().requiresGrad_();
  return result;
}

function value(type: SchemaType, random: Random): unknown {
  const { next, below, pick } = random;
  if (type.kind === 'optional') return next() < 0.4 ? null : value(type.element, random);
  if (type.kind === 'list') {
    const length = type.size !== undefined && next() < 0.9 ? type.size : below(4);
    return Array.from({ length }, () => value(type.element, random));
  }
  if (type.kind !== 'base') return null;
  switch (type.name) {
    case 'Tensor':
      return tensor(random);
    case 'int':
    case 'SymInt':
      return next() < 0.75 ? below(4) : pick<number | bigint>(integers);
    case 'float':
      return pick(floats);
    case 'Scalar':
      return next() < 0.5 ? below(4) : pick<unknown>([...integers, ...floats, true]);
    case 'bool':
    case 'SymBool':
      return next() < 0.5;
    case 'str':
      return pick(strings);
    case 'ScalarType':
      return pick(dtypes);
    case 'Layout':
      return pick(['strided', 'strided', 'sparse_coo', 'sparse_csr']);
    case 'Device':
      return pick(['cpu', 'cpu', 'meta']);
    case 'MemoryFormat':
      return pick(['contiguous_format', 'channels_last', 'preserve_format']);
    default:
      return null;
  }
}

/** Large sizes ask for memory or minutes, rightly: those of factories and repetitions stay small. */
function argument({ name, type }: SchemaArgument, schema: Schema, random: Random): unknown {
  const grows =
    /^(size|repeats|n|m|steps|num_classes|end|N|minlength|window_length|output_size|n_fft|pad|padding|bins|n_bins|k|degree)$/;
  if (grows.test(name) || /tri[lu]_indices|hilbert|combinations|cartesian|vander/.test(schema.name)) {
    const small: Random = {
      ...random,
      pick: ((values: readonly unknown[]) =>
        values === (integers as unknown) ? random.below(4) : random.pick(values)) as Random['pick'],
    };
    return value(type, small);
  }
  return value(type, random);
}

const verdicts = newVerdicts();
const schemas = native()
  .schemas()
  .filter((text) => text.startsWith('aten::') && !text.includes('...'))
  .map(parseSchema)
  .filter((schema) => !left.some(([pattern]) => pattern.test(`aten::${schema.name}`)));
const ops = torch.ops.aten as unknown as Record<string, Record<string, (...args: unknown[]) => unknown>>;

function attack(schema: Schema, index: number): void {
  const overload = ops[schema.name]?.[schema.overload === '' ? 'default' : schema.overload];
  for (let round = 0; round < rounds; round++) {
    const random = seeded((seed * 1_000_003 + index) * 8191 + round);
    torch.tidy(() => {
      const args: unknown[] = [];
      const named: Record<string, unknown> = {};
      announce(`${index} ${schema.name}.${schema.overload} round ${round}: making its arguments`);
      for (const one of schema.arguments) {
        const given = argument(one, schema, random);
        if (one.default !== undefined && random.next() < 0.3) break;
        if (!one.kwargOnly) args.push(given);
        else if (given !== null)
          named[one.name.replace(/(?<=.)_(\w)/g, (_, letter: string) => letter.toUpperCase())] = given;
      }
      const call = `${index} ${schema.name}.${schema.overload} round ${round}`;
      judge(verdicts, call, () => {
        const result = overload?.(...args, named);
        const output = Array.isArray(result) ? result[0] : result;
        if (output instanceof torch.Tensor && output.requiresGrad && output.layout === 'strided')
          output.sum().backward();
        return result;
      });
    });
  }
}

schemas.forEach((schema, index) => {
  if (index >= first && index <= last) attack(schema, index);
});
report(verdicts);
