/** The cases of nn.json.gz, as scripts/fixtures/nn.py writes them down, made into modules, inputs and outputs. */

import * as nn from '../../lib/torch/nn/index.ts';
import { Tensor } from '../../lib/torch/tensor.ts';
import { type TensorEntry, toTensor } from './fixtures.ts';

export interface ModuleSpec {
  readonly cls: string;
  readonly args: readonly unknown[];
  readonly options: Readonly<Record<string, unknown>>;
}

export interface ModuleCase extends ModuleSpec {
  readonly name: string;
  readonly seed: number;
  readonly clone?: boolean;
  readonly sparse?: boolean;
  readonly inputs: readonly unknown[];
  readonly call: Readonly<Record<string, unknown>>;
  readonly text: string;
  readonly initial: Readonly<Record<string, TensorEntry>>;
  readonly train: readonly (TensorEntry | null)[];
  readonly gradOutputs: readonly TensorEntry[];
  readonly parameterGrads: Readonly<Record<string, TensorEntry | null>>;
  readonly inputGrads: readonly (TensorEntry | null)[];
  readonly stateAfter: Readonly<Record<string, TensorEntry>>;
  readonly eval: readonly (TensorEntry | null)[];
  readonly inference?: readonly (TensorEntry | null)[];
}

/** A module as the fixture calls it: with whatever it recorded. */
export interface AnyModule extends nn.Module {
  forward(...args: unknown[]): unknown;
}

/** The module of a recorded class, arguments and options. */
export function buildModule({ cls, args, options }: ModuleSpec): AnyModule {
  const inputs = new Inputs();
  const given = args.map((value) => inputs.take(value));
  const named = Object.fromEntries(Object.entries(options).map(([key, value]) => [key, inputs.take(value)]));
  const Class = (nn as unknown as Readonly<Record<string, new (...args: unknown[]) => AnyModule>>)[cls];
  if (Class === undefined) throw new Error(`no module ${cls}`);
  return new Class(...given, ...(Object.keys(named).length > 0 ? [named] : []));
}

type Marked = Readonly<Record<string, unknown>>;

/** The inputs of one call, its tensors being leaves whose gradients can be asked for. */
export class Inputs {
  readonly leaves: Tensor[] = [];

  /** All inputs in order; `clone` gives copies of the leaves, for modules that write into their input. */
  all(values: readonly unknown[], clone = false): unknown[] {
    const taken: unknown[] = [];
    for (const value of values) {
      const same = (value as Marked | null)?.$same;
      taken.push(same === undefined ? this.take(value, clone) : taken[same as number]);
    }
    return taken;
  }

  /** One value: a tensor, a number, a packed sequence, a module, or any of them in arrays and objects. */
  take(value: unknown, clone = false): unknown {
    if (Array.isArray(value)) return value.map((one) => this.take(one, clone));
    if (typeof value !== 'object' || value === null) return value;
    const { $tensor, $float, $module, $packed, grad } = value as Marked;
    if ($float !== undefined) return Number($float);
    if ($module !== undefined) return buildModule($module as ModuleSpec);
    if ($packed !== undefined) {
      const { input, lengths, options } = $packed as { input: unknown; lengths: number[]; options: object };
      return nn.utils.rnn.packPaddedSequence(this.take(input) as Tensor, lengths, options);
    }
    if ($tensor !== undefined) {
      const leaf = toTensor($tensor as TensorEntry);
      if (grad === true) {
        leaf.requiresGrad = true;
        this.leaves.push(leaf);
      }
      return clone ? leaf.clone() : leaf;
    }
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, this.take(one, clone)]));
  }
}

/** The tensors of an output, in order; of a packed sequence the data and the sizes of its steps. */
export function flattenOutput(output: unknown): (Tensor | null)[] {
  if (output === null || output instanceof Tensor) return [output];
  if (output instanceof nn.utils.rnn.PackedSequence) return [output.data, output.batchSizes];
  return (output as readonly unknown[]).flatMap(flattenOutput);
}
