/**
 * What a compiled package takes. Nothing states it but the C++ source that AOTInductor keeps beside the library: functions
 * `check_input_0`, ... that the library runs when an environment variable asks for it, and assertions of whole shapes.
 * They are read here instead, since what they leave out (the number of dimensions) would be read out of bounds, and
 * since they refuse a batch of one.
 */
import { ArgumentError } from '../../errors.ts';
import { type Expression, evaluate, itemsOf, parseExpression } from './expression.ts';

/** A size that is fixed, or one within bounds. */
export interface SizeRange {
  readonly low: number;
  readonly high: number;
}

export interface InputSpec {
  /** What the wrapper calls it. */
  readonly name: string;
  readonly dtype: string;
  /** As `cpu`; undefined for a kind of device that is not known here. */
  readonly device: string | undefined;
  /** By dimension. */
  readonly sizes: readonly SizeRange[];
  /** By dimension, where it is used; undefined for an input that is not. */
  readonly shape: readonly Expression[] | undefined;
  /** By dimension; -1 for any. */
  readonly strides: readonly Expression[];
}

export interface WrapperSpec {
  readonly inputs: readonly InputSpec[];
  /** Names that stand for sizes, each with what it is in terms of those before it. */
  readonly symbols: readonly (readonly [name: string, value: Expression])[];
}

/** By c10's numbers, as far as AOTInductor compiles for them. */
const DEVICES: Readonly<Record<string, string>> = { 0: 'cpu', 1: 'cuda', 12: 'xpu', 13: 'mps' };

const CHECK = /static void check_input_(\d+)\(([\s\S]*?)\n\}/g;
const NAME = /ConstantHandle (\w+) = ConstantHandle\(input_handles\[(\d+)\]\)/;
const DTYPE = /_expected_dtype = aoti_torch_dtype_(\w+)\(\)/;
const DEVICE = /_expected_device_type = (\d+);/;
const FIXED = /if \((\d+)L* != \w+_size\[(\d+)\]\)/g;
const LOW = /if \(\w+_size\[(\d+)\] < (\d+)L*\)/g;
const HIGH = /if \(\w+_size\[(\d+)\] > (\d+)L*\)/g;
const FIXED_STRIDE = /if \((\d+)L* != \w+_stride\[(\d+)\]\)/g;
const SYMBOL = /^\s*int64_t (\w+) = (.+);$/gm;
const WHOLE = /assert_size_stride\((\w+), (\{.*\}), "input"\);/g;
const INFO = /inputs_info_\[\d+\]\.name = /g;

/**
 * @throws ArgumentError with the code `ERR_FILE` where it does not say all that is needed, so that a wrong tensor could
 * make the library read outside of memory
 */
export function readWrapper(source: string): WrapperSpec {
  const asserted = new Map<string, readonly Expression[]>();
  for (const [, name, lists] of source.matchAll(WHOLE) as Iterable<[string, string, string]>) {
    const parsed = parseExpression(`{${lists}}`);
    if (parsed?.kind !== 'list') refuse(`the sizes of ${name} are ${lists}, which is not understood`);
    asserted.set(name, parsed.items);
  }
  const inputs = [...source.matchAll(CHECK)].map(([, number, body], i) => {
    if (Number(number) !== i) refuse('its wrapper does not say which tensors it takes');
    return inputOf(body as string, i, asserted);
  });
  if ([...source.matchAll(INFO)].length !== inputs.length)
    refuse('its wrapper does not say which tensors it takes');
  const symbols = symbolsOf(source);
  const spec = { inputs, symbols };
  for (const input of inputs) checkComplete(input, spec, asserted.size > 0);
  return spec;
}

function refuse(reason: string): never {
  throw new ArgumentError(`Expected a .pt2 package whose inputs can be checked: ${reason}`, 'ERR_FILE');
}

function inputOf(body: string, i: number, asserted: ReadonlyMap<string, readonly Expression[]>): InputSpec {
  const [, name, number] = NAME.exec(body) ?? [];
  const dtype = DTYPE.exec(body)?.[1];
  if (name === undefined || dtype === undefined || Number(number) !== i)
    refuse(`its wrapper does not say what input ${i} is`);
  const sizes = sizesOf(body, i);
  const [shape, strides] = asserted.get(name)?.map(itemsOf) ?? [];
  const rank = shape?.length ?? sizes.length;
  if (sizes.length !== rank || (strides ?? sizes).length !== rank)
    refuse(`its wrapper gives input ${i} different numbers of dimensions`);
  return {
    name,
    dtype,
    device: DEVICES[DEVICE.exec(body)?.[1] ?? ''],
    sizes,
    shape,
    strides: strides ?? fixedStrides(body, rank),
  };
}

function sizesOf(body: string, i: number): SizeRange[] {
  const sizes: { low: number; high: number }[] = [];
  const at = (dimension: string) => (sizes[Number(dimension)] ??= { low: 0, high: Number.POSITIVE_INFINITY });
  for (const [, size, dimension] of body.matchAll(FIXED))
    Object.assign(at(dimension as string), { low: Number(size), high: Number(size) });
  // An exported program never tells a size of one from a larger one, and says 2 for what may be 1 too.
  for (const [, dimension, low] of body.matchAll(LOW))
    at(dimension as string).low = Number(low) === 2 ? 1 : Number(low);
  for (const [, dimension, high] of body.matchAll(HIGH)) at(dimension as string).high = Number(high);
  for (let d = 0; d < sizes.length; d++)
    if (sizes[d] === undefined) refuse(`its wrapper does not say what size ${d} of input ${i} may be`);
  return sizes;
}

const ANY: Expression = { kind: 'number', value: -1 };

function fixedStrides(body: string, rank: number): readonly Expression[] {
  const strides: Expression[] = new Array(rank).fill(ANY);
  for (const [, stride, dimension] of body.matchAll(FIXED_STRIDE))
    strides[Number(dimension)] = { kind: 'number', value: Number(stride) };
  return strides;
}

/** What the code of the model itself declares, not what is folded before. */
function symbolsOf(source: string): (readonly [string, Expression])[] {
  const symbols: (readonly [string, Expression])[] = [];
  for (const [, name, text] of source.slice(source.indexOf('::run_impl(')).matchAll(SYMBOL) as Iterable<
    [string, string, string]
  >) {
    const value = parseExpression(text);
    if (value !== undefined) symbols.push([name, value]);
  }
  return symbols;
}

/** Whether all that it asserts follows from the sizes of tensors. */
function checkComplete(input: InputSpec, spec: WrapperSpec, asserts: boolean): void {
  const { name, sizes, shape, strides } = input;
  if (shape === undefined && !asserts && sizes.some(({ low, high }) => low !== high))
    refuse('it was compiled without assertions of sizes (TORCHINDUCTOR_SIZE_ASSERTS=0, or an older PyTorch)');
  const known = new Set<string>();
  const lookup = (symbol: string, index: number | undefined) => {
    if (index === undefined) return known.has(symbol) ? 1 : undefined;
    return sizesNamed(spec, symbol)?.sizes[index] === undefined ? undefined : 1;
  };
  for (const [symbol, value] of spec.symbols) if (evaluate(value, lookup) !== undefined) known.add(symbol);
  for (const each of [...(shape ?? []), ...strides])
    if (evaluate(each, lookup) === undefined)
      refuse(`the sizes or strides of ${name} depend on more than sizes`);
}

/** The input whose sizes the wrapper has under a name. */
export function sizesNamed({ inputs }: WrapperSpec, name: string): InputSpec | undefined {
  return inputs.find((input) => `${input.name}_size` === name);
}
