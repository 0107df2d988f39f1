import { ArgumentError, expected } from '../../errors.ts';
import type { Tensor } from '../tensor.ts';
import { evaluate, type Lookup } from './expression.ts';
import { type InputSpec, type SizeRange, sizesNamed, type WrapperSpec } from './wrapper.ts';

/** An argument, and what messages call it. */
export interface NamedTensor {
  readonly name: string;
  readonly tensor: Tensor;
}

/**
 * Compares tensors with what a package takes.
 *
 * @returns the strides that they must have, one tensor after the other; -1 for any
 * @throws ArgumentError for another number of tensors, and for another dtype, device, layout, number of dimensions or size
 */
export function checkInputs(spec: WrapperSpec, given: readonly NamedTensor[]): number[] {
  const { inputs, symbols } = spec;
  if (given.length !== inputs.length)
    throw new ArgumentError(`Expected tensors for ${inputs.length} inputs but received ${given.length}`);
  const shapes = new Map<InputSpec, readonly number[]>();
  for (const [i, input] of inputs.entries()) {
    const { name, tensor } = given[i] as NamedTensor;
    checkKind(input, tensor, name);
    const { shape } = tensor;
    if (shape.length !== input.sizes.length) throw expected(`${input.sizes.length} dimensions`, name, shape);
    for (const [d, range] of input.sizes.entries())
      checkSize(range, shape[d] as number, `size ${d} of ${name}`);
    shapes.set(input, shape);
  }
  const values = new Map<string, number>();
  const lookup: Lookup = (name, index) => {
    if (index === undefined) return values.get(name);
    const input = sizesNamed(spec, name);
    return input === undefined ? undefined : shapes.get(input)?.[index];
  };
  for (const [symbol, expression] of symbols) {
    const value = evaluate(expression, lookup);
    if (value !== undefined) values.set(symbol, value);
  }
  for (const [i, input] of inputs.entries()) {
    for (const [d, expression] of (input.shape ?? []).entries()) {
      const [wanted, found] = [evaluate(expression, lookup), shapes.get(input)?.[d]];
      if (wanted === found) continue;
      throw expected(
        `${wanted}, which follows from the other sizes,`,
        `size ${d} of ${given[i]?.name}`,
        found,
      );
    }
  }
  return inputs.flatMap(({ strides }) => strides.map((each) => evaluate(each, lookup) ?? -1));
}

function checkKind({ dtype, device }: InputSpec, tensor: Tensor, name: string): void {
  if (tensor.dtype !== dtype) throw expected(dtype, `the dtype of ${name}`, tensor.dtype);
  if (tensor.layout !== 'strided') throw expected('a dense tensor', name, tensor.layout);
  const kind = tensor.device.split(':')[0];
  if (kind !== device)
    throw expected(`${device ?? 'a known device'}`, `the device of ${name}`, tensor.device);
}

function checkSize({ low, high }: SizeRange, size: number, name: string): void {
  if (size >= low && size <= high) return;
  const wanted =
    low === high ? `${low}` : high === Number.POSITIVE_INFINITY ? `${low} or more` : `${low} to ${high}`;
  throw expected(wanted, name, size);
}
