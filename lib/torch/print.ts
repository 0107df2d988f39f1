/** Tensors as text, as PyTorch prints them with its default options. */

import type { Complex } from './complex.ts';
import { isFloatingPoint, type Layout } from './dtype.ts';
import { invoke, Operator } from './invoke.ts';
import { noGrad } from './modes.ts';
import type { NestedValues, Scalar } from './nested.ts';
import { float } from './nn/python.ts';
import { tidy } from './scope.ts';
import type { Tensor } from './tensor.ts';

const PRECISION = 4;
const THRESHOLD = 1000;
const EDGE_ITEMS = 3;
const LINE_WIDTH = 80;
const PREFIX = 'tensor(';

type Format = (value: Scalar) => string;

/** `tensor([[1., 2.]], dtype=torch.float64, requires_grad=True)` */
export function formatTensor(tensor: Tensor): string {
  const { dtype, device, shape } = tensor;
  const count = shape.reduce((product, size) => product * size, 1);
  const suffixes: string[] = [];
  if (device !== 'cpu') suffixes.push(`device='${device}'`);
  let body: string;
  const { layout } = tensor;
  const isPlain = dtype === 'float32' || dtype === 'int64' || dtype === 'bool' || dtype === 'complex64';
  const parts = device === 'meta' ? undefined : sparseParts(tensor, layout);
  if (parts !== undefined) {
    suffixes.push(`size=${pythonTuple(shape)}`, `nnz=${(parts.at(-1) as Part)[1].shape[0]}`);
    if (!isPlain) suffixes.push(`dtype=torch.${dtype}`);
    body = formatParts(parts);
  } else if (dtype.startsWith('q')) {
    suffixes.push(`size=${pythonTuple(shape)}`, `dtype=torch.${dtype}`, ...quantization(tensor));
    body = tidy(() => formatBody(tensor.dequantize(), PREFIX.length));
  } else if (device === 'meta') {
    suffixes.push(`size=(${shape.join(', ')}${shape.length === 1 ? ',' : ''})`);
    body = '...';
  } else if (count === 0) {
    if (shape.length !== 1) suffixes.push(`size=(${shape.join(', ')})`);
    body = '[]';
  } else {
    body = tidy(() => formatBody(layout === 'strided' ? tensor : tensor.toDense(), PREFIX.length));
  }
  const isDescribed = parts !== undefined || dtype.startsWith('q');
  const isDefault = dtype === 'float32' || (count > 0 && isPlain);
  if (!isDefault && !isDescribed) suffixes.push(`dtype=torch.${dtype}`);
  if (layout !== 'strided') suffixes.push(`layout=torch.${layout}`);
  const { gradFn } = tensor;
  if (gradFn !== null) suffixes.push(`grad_fn=<${gradFn}>`);
  else if (tensor.requiresGrad) suffixes.push('requires_grad=True');
  return addSuffixes(PREFIX + body, suffixes, layout === 'sparse_coo');
}

// Of a tensor that is not coalesced, too.
const indicesOperator = new Operator('aten::_indices');
const valuesOperator = new Operator('aten::_values');

/** A tensor that another one consists of, by the name under which it is printed. */
type Part = readonly [name: string, tensor: Tensor];

/** What a sparse tensor consists of, its values in last place; undefined for one of another layout. */
function sparseParts(tensor: Tensor, layout: Layout): Part[] | undefined {
  if (layout === 'sparse_coo')
    return [
      ['indices', invoke(indicesOperator, [tensor]) as Tensor],
      ['values', invoke(valuesOperator, [tensor]) as Tensor],
    ];
  if (layout === 'sparse_csr' || layout === 'sparse_bsr')
    return [
      ['crow_indices', tensor.crowIndices()],
      ['col_indices', tensor.colIndices()],
      ['values', tensor.values()],
    ];
  if (layout === 'sparse_csc' || layout === 'sparse_bsc')
    return [
      ['ccol_indices', tensor.ccolIndices()],
      ['row_indices', tensor.rowIndices()],
      ['values', tensor.values()],
    ];
  return undefined;
}

function formatParts(parts: readonly Part[]): string {
  const texts = parts.map(([name, part]) => {
    const start = `${name}=tensor(`;
    const { shape } = part;
    const size = shape.includes(0) ? `, size=${pythonTuple(shape)}` : '';
    return `${start}${tidy(() => formatBody(part, PREFIX.length + start.length))}${size})`;
  });
  return texts.join(`,\n${' '.repeat(PREFIX.length)}`);
}

/** How the integers of a quantized tensor become numbers. */
function quantization(tensor: Tensor): string[] {
  const scheme = (name: string) => `quantization_scheme=torch.${name}`;
  if (!isPerChannel(tensor))
    return [
      scheme('per_tensor_affine'),
      `scale=${float(tensor.qScale())}`,
      `zero_point=${tensor.qZeroPoint()}`,
    ];
  return tidy(() => [
    scheme('per_channel_affine'),
    `scale=${formatTensor(tensor.qPerChannelScales())}`,
    `zero_point=${formatTensor(tensor.qPerChannelZeroPoints())}`,
    `axis=${tensor.qPerChannelAxis()}`,
  ]);
}

/** There is no value in JavaScript for a scheme, but only one of the two has an axis. */
function isPerChannel(tensor: Tensor): boolean {
  try {
    tensor.qPerChannelAxis();
    return true;
  } catch {
    return false;
  }
}

function pythonTuple(shape: readonly number[]): string {
  return shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
}

function formatBody(tensor: Tensor, indent: number): string {
  const { shape } = tensor;
  const count = shape.reduce((product, size) => product * size, 1);
  if (count === 0) return '[]';
  const isSummary = count > THRESHOLD;
  // Only what will be shown leaves the tensor.
  const shown = tidy(() => noGrad(() => (isSummary ? edges(tensor, shape) : tensor).tolist()));
  const values = (Array.isArray(shown) ? shown.flat(64 as 1) : [shown]) as Scalar[];
  const format = chooseFormat(values, tensor.dtype);
  return formatNested(shown, shape, 0, format, isSummary, indent);
}

/** The first and last three of every long dimension. */
function edges(tensor: Tensor, shape: readonly number[]): Tensor {
  let result = tensor.detach();
  shape.forEach((size, dim) => {
    if (size <= 2 * EDGE_ITEMS) return;
    const parts = [
      result.narrow(dim, 0, EDGE_ITEMS),
      result.narrow(dim, size - EDGE_ITEMS, EDGE_ITEMS),
    ] as const;
    const joined = result.newEmpty(result.shape.map((length, at) => (at === dim ? 2 * EDGE_ITEMS : length)));
    joined.narrow(dim, 0, EDGE_ITEMS).copy_(parts[0]);
    joined.narrow(dim, EDGE_ITEMS, EDGE_ITEMS).copy_(parts[1]);
    result = joined;
  });
  return result;
}

function formatNested(
  data: NestedValues,
  shape: readonly number[],
  dim: number,
  format: Format,
  isSummary: boolean,
  indent: number,
): string {
  if (dim === shape.length) return format(data as Scalar);
  const rows = data as NestedValues[];
  const isCut = isSummary && (shape[dim] as number) > 2 * EDGE_ITEMS;
  const parts = rows.map((row) => formatNested(row, shape, dim + 1, format, isSummary, indent + 1));
  if (isCut) parts.splice(EDGE_ITEMS, 0, dim === shape.length - 1 ? ' ...' : '...');
  if (dim === shape.length - 1) return `[${wrapLine(parts, indent)}]`;
  const separator = `,${'\n'.repeat(shape.length - dim - 1)}${' '.repeat(indent + 1)}`;
  return `[${parts.join(separator)}]`;
}

/** All elements have one width, so lines break after a fixed number of them. */
function wrapLine(parts: readonly string[], indent: number): string {
  const width = Math.max(...parts.filter((part) => part !== ' ...').map((part) => part.length)) + 2;
  const perLine = Math.max(1, Math.floor((LINE_WIDTH - indent) / width));
  const lines: string[] = [];
  for (let i = 0; i < parts.length; i += perLine) lines.push(parts.slice(i, i + perLine).join(', '));
  return lines.join(`,\n${' '.repeat(indent + 1)}`);
}

function chooseFormat(values: readonly Scalar[], dtype: string): Format {
  if (dtype.startsWith('complex')) {
    const re = floatFormat(values.map((value) => (value as Complex).re));
    const im = floatFormat(values.map((value) => (value as Complex).im));
    return (value) => {
      const imaginary = `${im((value as Complex).im)}j`.trimStart();
      return re((value as Complex).re) + (imaginary.startsWith('-') ? '' : '+') + imaginary;
    };
  }
  if (isFloatingPoint(dtype as never)) return floatFormat(values as number[]) as Format;
  const text = (value: Scalar) => (typeof value === 'boolean' ? (value ? 'True' : 'False') : String(value));
  return padded(text, values) as Format;
}

function padded<T>(text: (value: T) => string, values: readonly T[]): (value: T) => string {
  const width = values.reduce((most, value) => Math.max(most, text(value).length), 1);
  return (value) => text(value).padStart(width);
}

/** Whole numbers as `1.`, others with four digits, and scientific when the range asks for it. */
function floatFormat(values: readonly number[]): (value: number) => string {
  const finite = values.filter((value) => Number.isFinite(value) && value !== 0);
  if (finite.length === 0) return finiteOr((value) => `${fixed(value, 0)}.`, 1);
  const sizes = finite.map(Math.abs);
  const largest = sizes.reduce((a, b) => Math.max(a, b));
  const smallest = sizes.reduce((a, b) => Math.min(a, b));
  const isWhole = finite.every((value) => Number.isInteger(value));
  const isScientific = largest / smallest > 1000 || largest > 1e8 || (!isWhole && smallest < 1e-4);
  let text: (value: number) => string;
  if (isScientific) text = scientific;
  else if (isWhole) text = (value) => `${fixed(value, 0)}.`;
  else text = (value) => fixed(value, PRECISION);
  return finiteOr(
    text,
    finite.reduce((most, value) => Math.max(most, text(value).length), 1),
  );
}

function finiteOr(text: (value: number) => string, width: number): (value: number) => string {
  return (value) => {
    if (Number.isNaN(value)) return 'nan'.padStart(width);
    if (!Number.isFinite(value)) return (value > 0 ? 'inf' : '-inf').padStart(width);
    return text(value).padStart(width);
  };
}

function scientific(value: number): string {
  return value.toExponential(PRECISION).replace(/e([+-])(\d)$/, 'e$10$2');
}

/** As `toFixed`, except that exact ties go to the even digit as in C, and that the sign of zero shows. */
function fixed(value: number, digits: number): string {
  const size = Math.abs(value);
  let text = size.toFixed(digits);
  const isTie = new RegExp(`^\\d+\\.\\d{${digits}}50*$`).test(size.toFixed(60));
  if (isTie && Number(text.at(-1)) % 2 === 1)
    text = size
      .toFixed(60)
      .replace(new RegExp(`^(\\d+\\.?\\d{${digits}}).*$`), '$1')
      .replace(/\.$/, '');
  return (value < 0 || Object.is(value, -0) ? '-' : '') + text;
}

function addSuffixes(text: string, suffixes: readonly string[], forceLine: boolean): string {
  let result = text;
  let lineLength = text.length - text.lastIndexOf('\n') + 1;
  for (const suffix of suffixes) {
    if ((forceLine && suffix === suffixes[0]) || lineLength + suffix.length + 2 > LINE_WIDTH) {
      result += `,\n${' '.repeat(PREFIX.length)}${suffix}`;
      lineLength = PREFIX.length + suffix.length;
    } else {
      result += `, ${suffix}`;
      lineLength += suffix.length + 2;
    }
  }
  return `${result})`;
}
