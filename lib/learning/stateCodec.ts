/**
 * State as files have it: JSON, and beside it tensors by the place where they stand in it.
 */
import { ArgumentError, show } from '../errors.ts';
import { isPlainObject } from '../plainObject.ts';
import { Tensor } from '../torch/tensor.ts';

/** Plain data: objects, arrays, strings, numbers, booleans and null. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

export interface PackedState<T = Tensor> {
  readonly json: Json;
  readonly tensors: ReadonlyMap<string, T>;
}

/** What JSON has not is an object with one of these as its only key; other keys that begin so get one more. */
const TENSOR = '$tensor';
const NUMBER = '$number';
const BIGINT = '$bigint';

/**
 * Takes a state apart.
 *
 * @throws ArgumentError with the place of what can not be written, such as a function or a Map
 */
export function packState(state: unknown): PackedState {
  const tensors = new Map<string, Tensor>();
  const pack = (value: unknown, at: string): Json => {
    if (value === null || typeof value === 'boolean' || typeof value === 'string') return value;
    if (typeof value === 'number')
      return Number.isFinite(value) && !Object.is(value, -0)
        ? value
        : { [NUMBER]: Object.is(value, -0) ? '-0' : `${value}` };
    if (typeof value === 'bigint') return { [BIGINT]: `${value}` };
    if (value instanceof Tensor) {
      tensors.set(at, value);
      return { [TENSOR]: at };
    }
    if (Array.isArray(value)) return value.map((item, i) => pack(item, `${at}.${i}`));
    if (isPlainObject(value)) {
      const given = Object.entries(value).filter(([, item]) => item !== undefined);
      return Object.fromEntries(
        given.map(([key, item]) => [escapeKey(key), pack(item, at === '' ? key : `${at}.${key}`)]),
      );
    }
    throw new ArgumentError(`state of ${at}: expected plain data or tensors, received ${show(value)}`);
  };
  return { json: pack(state, ''), tensors };
}

/** The state that was packed, with what is given in place of its tensors. */
export function unpackState<T>({ json, tensors }: PackedState<T>): unknown {
  if (typeof json !== 'object' || json === null) return json;
  if (Array.isArray(json)) return json.map((item: Json) => unpackState({ json: item, tensors }));
  const entries = Object.entries(json as { readonly [key: string]: Json });
  const [[key, value] = ['', null]] = entries;
  if (key === NUMBER) return Number(value);
  if (key === BIGINT) return BigInt(value as string);
  if (key === TENSOR) {
    const tensor = tensors.get(value as string);
    if (tensor === undefined) throw new ArgumentError(`state of ${value}: expected its tensor`, 'ERR_FILE');
    return tensor;
  }
  return Object.fromEntries(
    entries.map(([name, item]) => [name.replace(/^\$\$/, '$'), unpackState({ json: item, tensors })]),
  );
}

function escapeKey(key: string): string {
  return key.startsWith('$') ? `$${key}` : key;
}
