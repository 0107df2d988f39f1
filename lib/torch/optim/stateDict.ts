import { ArgumentError, expected } from '../../errors.ts';
import { camelCase } from '../naming.ts';
import { keep } from '../scope.ts';
import { Tensor } from '../tensor.ts';
import type { ParamState } from './algorithm.ts';

/** A parameter group in a state dict: PyTorch's names (`weight_decay`), and indices in place of parameters. */
export interface PackedGroup {
  params: number[];
  [name: string]: unknown;
}

/**
 * The state of an optimizer with the structure and the names of PyTorch's: a state dict from either side can be loaded
 * on the other. Parameters are numbered through all groups in order.
 */
export interface OptimizerStateDict {
  state: Record<string, ParamState>;
  param_groups: PackedGroup[];
}

/** `weightDecay` is `weight_decay` in a state dict; {@link camelCase} is the way back. */
export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** A group without its parameters, under PyTorch's names. */
export function packGroup(group: object, first: number, count: number): PackedGroup {
  const packed: PackedGroup = { params: Array.from({ length: count }, (_, index) => first + index) };
  for (const [name, value] of Object.entries(group)) {
    if (name !== 'params') packed[snakeCase(name)] = Array.isArray(value) ? [...value] : value;
  }
  return packed;
}

/** The way back: the options of a group, under our names. `fused: None` in Python means the default, which is not fused. */
export function unpackGroup(packed: PackedGroup): Record<string, unknown> {
  const group: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(packed)) {
    if (name === 'params') continue;
    if (!/^[a-z]\w*$/.test(name)) throw expected('the name of an option', 'key of a parameter group', name);
    group[camelCase(name)] = Array.isArray(value) ? [...value] : value;
  }
  if (group.fused === null) group.fused = false;
  return group;
}

/** Checks that a state dict has its structure and one group for each of `counts`, with that many parameters. */
export function checkGroups(dict: unknown, counts: readonly number[]): OptimizerStateDict {
  const { state, param_groups: groups } = asObject(dict, 'state dict') as unknown as OptimizerStateDict;
  asObject(state, 'state of the state dict');
  if (!Array.isArray(groups)) throw expected('an array', 'param_groups of the state dict', groups);
  if (groups.length !== counts.length) {
    throw new ArgumentError('loaded state dict has a different number of parameter groups', 'ERR_STATE_DICT');
  }
  for (const [index, group] of groups.entries()) {
    const params = asObject(group, `param_groups[${index}]`).params;
    if (!Array.isArray(params)) throw expected('an array', `params of param_groups[${index}]`, params);
    if (params.length !== counts[index]) {
      throw new ArgumentError(
        "loaded state dict contains a parameter group that doesn't match the size of optimizer's group",
        'ERR_STATE_DICT',
      );
    }
  }
  return { state, param_groups: groups };
}

/**
 * A copy of one parameter's state, floating-point tensors with the given dtype. Values that count or scale, which
 * PyTorch keeps in tensors without dimensions on the CPU (`step`, `mu_product`), become numbers.
 */
export function loadState(saved: unknown, param: Tensor, dtype: Tensor['dtype']): ParamState {
  const state: ParamState = {};
  for (const [name, value] of Object.entries(asObject(saved, 'state of a parameter'))) {
    if (!/^[a-zA-Z]\w*$/.test(name)) throw expected('the name of a state', 'key of a state', name);
    if (value === null) continue;
    if (typeof value === 'number') state[name] = value;
    else if (!(value instanceof Tensor))
      throw expected('a Tensor or a number', `${name} in the state dict`, value);
    else if (SCALARS.has(name)) state[name] = Number(value.item());
    else
      state[name] = keep(
        value.to({ ...(value.isFloatingPoint() ? { dtype } : {}), device: param.device, copy: true }),
      );
  }
  return state;
}

const SCALARS = new Set(['step', 'mu_product', 'RMS']);

function asObject(value: unknown, name: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) throw expected('an object', name, value);
  return value as Record<string, unknown>;
}
