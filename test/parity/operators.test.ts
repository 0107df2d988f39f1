/** Every case that scripts/fixtures/operators.py recorded from PyTorch, called through the public functions and methods. */

import { beforeAll, expect, test } from '@jest/globals';
import { grad } from '../../lib/torch/autograd.ts';
import { Complex } from '../../lib/torch/complex.ts';
import { F } from '../../lib/torch/functions.ts';
import { ops } from '../../lib/torch/ops.ts';
import { Generator, manualSeed } from '../../lib/torch/random.ts';
import { tidy } from '../../lib/torch/scope.ts';
import { Tensor } from '../../lib/torch/tensor.ts';
import { setNumThreads } from '../../lib/torch/threads.ts';
import { comparison, type RecordedOn } from '../support/cpu.ts';
import { expectBitEqual, expectClose, loadFixture, type TensorEntry, toTensor } from '../support/fixtures.ts';

interface InputEntry extends TensorEntry {
  readonly grad?: boolean;
  /** Methods that make it non-contiguous or no leaf, in order. */
  readonly views?: readonly (readonly [string, ...unknown[]])[];
}

type Result = number | boolean | string | null | { readonly tensor: TensorEntry } | readonly Result[];

interface OperatorCase {
  readonly name: string;
  /** A camelCase function or method, or `aten::name.overload`. */
  readonly op: string;
  readonly method?: boolean;
  readonly seed?: number;
  readonly inputs: readonly InputEntry[];
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly result: Result;
  /** What the call leaves in those inputs that it changes, by index. */
  readonly changed?: Readonly<Record<string, TensorEntry>>;
  readonly weights?: readonly TensorEntry[];
  readonly grads?: readonly (TensorEntry | null)[];
  /** Where AVX2 kernels differ from the AVX512 ones: what they give. */
  readonly avx2?: Partial<OperatorCase>;
  readonly tolerance?: { readonly rtol: number; readonly atol: number; readonly reason: string };
}

type Callable = (...args: unknown[]) => unknown;

const fixture = loadFixture<RecordedOn & { readonly cases: readonly OperatorCase[] }>('operators.json.gz');
/** What oneDNN computes has the same bits on the recording's kind of processor only. */
const expectEqualHere = comparison(fixture);
const ONEDNN = /^(conv|lstm|gelu)/;

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A recorded argument as a caller writes it. */
function argument(value: unknown, tensors: readonly Tensor[]): unknown {
  if (Array.isArray(value)) return value.map((each) => argument(each, tensors));
  if (!isObject(value)) return value;
  if ('input' in value) return tensors[value.input as number];
  if ('generator' in value) return new Generator().manualSeed(value.generator as number);
  if ('complex' in value) return new Complex(...(value.complex as [number, number]));
  return Number(value.number);
}

function target({ op, method }: OperatorCase): Callable {
  if (method) {
    return (self, ...rest) => (self as Record<string, Callable>)[op]!(...rest);
  }
  if (!op.startsWith('aten::')) return (F as unknown as Record<string, Callable>)[op]!;
  const [name, overload] = op.slice('aten::'.length).split('.') as [string, string?];
  const whole = (ops.aten as unknown as Record<string, Callable & Record<string, Callable>>)[name]!;
  return overload === undefined ? whole : whole[overload]!;
}

function tensorsIn(value: unknown): Tensor[] {
  if (value instanceof Tensor) return [value];
  return Array.isArray(value) ? value.flatMap(tensorsIn) : [];
}

function replay(recorded: OperatorCase, expectEqual: typeof expectEqualHere = expectBitEqual): void {
  const { tolerance } = recorded;
  const compare = (actual: Tensor, entry: TensorEntry, label: string) =>
    tolerance ? expectClose(actual, entry, { ...tolerance, label }) : expectEqual(actual, entry, label);

  const check = (actual: unknown, result: Result, label: string): void => {
    if (Array.isArray(result)) {
      expect(actual).toHaveLength(result.length);
      result.forEach((each, i) => {
        check((actual as unknown[])[i], each, `${label} ${i}`);
      });
    } else if (isObject(result)) compare(actual as Tensor, result.tensor as TensorEntry, label);
    else expect(actual ?? null).toBe(result);
  };

  const leaves = recorded.inputs.map((entry) => {
    const leaf = toTensor(entry);
    leaf.requiresGrad = entry.grad ?? false;
    return leaf;
  });
  const tensors = leaves.map((leaf, i) =>
    (recorded.inputs[i]!.views ?? []).reduce<Tensor>(
      (tensor, [name, ...args]) => (tensor as unknown as Record<string, Callable>)[name]!(...args) as Tensor,
      leaf,
    ),
  );
  const args = recorded.args.map((value) => argument(value, tensors));
  const named = Object.entries(recorded.kwargs).map(([name, value]) => [name, argument(value, tensors)]);
  if (recorded.seed !== undefined) manualSeed(recorded.seed);
  const actual = target(recorded)(...args, ...(named.length > 0 ? [Object.fromEntries(named)] : []));

  check(actual, recorded.result, 'result');
  for (const [index, entry] of Object.entries(recorded.changed ?? {}))
    compare(tensors[Number(index)]!, entry, `input ${index} afterwards`);

  const outputs = tensorsIn(actual).filter((each) => each.requiresGrad);
  const { weights = [], grads = [] } = recorded;
  if (grads.length === 0) return;
  expect(outputs).toHaveLength(weights.length);
  const inputs = leaves.filter((leaf) => leaf.requiresGrad);
  const found = grad(outputs, inputs, { gradOutputs: weights.map(toTensor), allowUnused: true });
  expect(found).toHaveLength(grads.length);
  grads.forEach((entry, i) => {
    if (entry === null) expect(found[i]).toBeNull();
    else compare(found[i]!, entry, `gradient ${i}`);
  });
}

/** The same bits as PyTorch on either kind of processor; within rounding where oneDNN has other kernels for this one. */
function replayOnEither(recorded: OperatorCase): void {
  const ways = [() => replay(recorded)];
  if (recorded.avx2 !== undefined) ways.push(() => replay({ ...recorded, ...recorded.avx2 }));
  if (ONEDNN.test(recorded.op)) ways.push(() => replay(recorded, expectEqualHere));
  const last = ways.pop() as () => void;
  for (const way of ways) {
    try {
      return way();
    } catch {}
  }
  last();
}

beforeAll(() => {
  setNumThreads(1);
});

test('the recording is as large as it says', () => {
  expect(fixture.cases.length).toBeGreaterThan(1100);
  expect(new Set(fixture.cases.map(({ op }) => op.split('.')[0])).size).toBeGreaterThan(600);
  expect(fixture.cases.filter(({ grads }) => grads !== undefined).length).toBeGreaterThan(800);
});

test.each(fixture.cases.map((each) => [each.name, each] as const))('%s', (_, recorded) => {
  tidy(() => replayOnEither(recorded));
});
