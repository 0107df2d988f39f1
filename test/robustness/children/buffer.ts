/** `buffer.ts SEED ROUNDS`: garbage in the shared buffer, then the entries that read it. */

import { fromNative } from '../../../lib/errors.ts';
import { native } from '../../../lib/native.ts';
import {
  COUNT,
  DISPOSED,
  FIRST,
  MODE,
  NAMED,
  numbers,
  OPERATOR,
  openArena,
  POSITIONAL,
  refreshArena,
} from '../../../lib/torch/arena.ts';
import { F } from '../../../lib/torch/functions.ts';
import { OwnedTensor } from '../../../lib/torch/lifetime.ts';
import { tidy } from '../../../lib/torch/scope.ts';
import type { Tensor } from '../../../lib/torch/tensor.ts';
import { setNumThreads } from '../../../lib/torch/threads.ts';
import { begin, put } from '../../../lib/torch/wire.ts';
import { judge, limitMemory, newVerdicts, report } from '../judge.ts';
import { type Random, seeded } from '../random.ts';

const [seed, rounds] = process.argv.slice(2).map(Number) as [number, number];
setNumThreads(1);
limitMemory(2 ** 30);
const addon = native();

/** Calls of every shape of signature, to be broken slot by slot. */
const t = (...shape: number[]): Tensor => F.ones(shape, { requiresGrad: true });
const examples: Readonly<Record<string, () => unknown[]>> = {
  add: () => [t(2, 2), 1],
  'add.Tensor': () => [t(2), t(2)],
  mm: () => [t(2, 2), t(2, 2)],
  cat: () => [[t(2), t(3)], 0],
  stack: () => [[t(2), t(2)]],
  sum: () => [t(2, 2), [0], true],
  max: () => [t(2, 2), 1],
  'index.Tensor': () => [t(3), [F.arange(2)]],
  index_put_: () => [F.ones([3]), [F.arange(2)], t(2)],
  zeros: () => [[2, 3]],
  full: () => [[2], 1.5],
  to: () => [t(2), 'float64'],
  item: () => [F.arange(1)],
  'split.Tensor': () => [t(4), 2],
  einsum: () => ['ij,jk->ik', [t(2, 2), t(2, 2)]],
  conv2d: () => [t(1, 2, 3, 3), t(2, 2, 2, 2), null, [1, 1], 0, 1, 1],
  where: () => [F.zeros([2], { dtype: 'bool' }), t(2), t(2)],
  clamp: () => [t(2), 0, 1],
  add_: () => [F.ones([2]), 1],
  copy_: () => [F.ones([2]), t(2)],
  normal: () => [0, 1, [2]],
  randn: () => [[2, 2]],
  empty_strided: () => [
    [2, 2],
    [1, 2],
  ],
  reshape: () => [t(4), [2, -1]],
  permute: () => [t(2, 3), [1, 0]],
  select: () => [t(2, 2), 0, 1],
  slice: () => [t(4), 0, 1, null, 2],
  norm: () => [t(2, 2), 2, [0], true],
  topk: () => [t(4), 2],
  'linalg_svd.U': () => [t(2, 2)],
  _foreach_add: () => [[t(2), t(3)], 1],
  _foreach_mul_: () => [[F.ones([2])], [2.5]],
  layer_norm: () => [t(2, 2), [2], t(2), t(2), 1e-5],
  result_type: () => [t(2), 1],
};
const names = Object.keys(examples);
const operators = names.map((name) => {
  const [base, overload] = name.split('.') as [string, string?];
  const operator = addon.find(`aten::${base}`, overload);
  if (operator < 0) throw new Error(`This test knows no operator ${name}`);
  return operator;
});

const verdicts = newVerdicts();
const strings = [
  'float32',
  'int64',
  'cpu',
  'meta',
  'strided',
  'dim',
  'keepdim',
  'dtype',
  'out',
  'alpha',
  'ij,jk->ik',
  'size',
];
const ids = strings.map((text) => addon.intern(text));
const odd = [
  NaN,
  Infinity,
  -Infinity,
  -0,
  0,
  -1,
  0.5,
  1.5,
  2.5,
  10.5,
  11.5,
  2 ** 31,
  2 ** 32,
  2 ** 52,
  2 ** 53,
  -(2 ** 53),
  1e308,
];
const counts = [0, 0, 1, 1, 2, 3, 4, 5, 63, 64, 65, -1, NaN, 1e9];

let handles: number[] = [];
function refill(): void {
  const shapes = [[], [0], [2], [2, 2], [3, 1], [1, 2, 2, 2]];
  const fresh = shapes.flatMap((shape) => [
    F.ones(shape),
    F.arange(shape.reduce((a, b) => a * b, 1)).reshape(shape),
    F.zeros(shape, { requiresGrad: true }),
  ]); // prettier-ignore
  handles = fresh.map((tensor) => addon.share(OwnedTensor.handleOf(tensor)));
  for (const tensor of fresh) tensor.dispose();
}

function run(round: number): void {
  const random = seeded(seed * 1_000_003 + round);
  const { next, below, pick } = random;
  openArena();
  let position = FIRST;
  const slot = (value: number): void => {
    numbers[position++] = value;
  };
  const handle = (): number =>
    next() < 0.9 ? pick(handles) : pick([...odd, pick(handles) + 2 ** 32, below(100)]);
  const value = (depth: number): void => {
    const tag = next() < 0.03 ? pick(odd) : below(14);
    slot(tag);
    if (tag === 2 || tag === 13) slot(handle());
    else if (tag === 6) slot(next() < 0.9 ? pick(ids) : pick(odd));
    else if (tag === 9) slot(pick([0, -1, 7]));
    else if (tag === 8) for (let i = 0; i < 2; i++) slot(pick(odd));
    else if (tag >= 10 && tag < 13) {
      const length = pick(counts);
      slot(length);
      for (let i = 0; i < Math.min(length || 0, 66); i++) {
        if (tag >= 11) slot(next() < 0.8 ? below(4) : pick(odd));
        else if (depth < 3) value(depth + 1);
      }
    } else slot(next() < 0.7 ? below(5) - 1 : pick(odd));
  };
  if (next() < 0.1) for (let i = 0; i < 40; i++) numbers[FIRST + i] = pick(odd);
  if (next() < 0.05) {
    numbers[DISPOSED] = pick(counts);
    for (let i = 1; i < 33; i++) numbers[DISPOSED + i] = handle();
  }
  if (next() < 0.5) {
    return judge(verdicts, `seed ${seed}, round ${round}, a broken call`, () => broken(random));
  }
  numbers[MODE] = next() < 0.9 ? below(36) : pick(odd);
  numbers[COUNT] = pick(counts);
  numbers[OPERATOR] = next() < 0.97 ? pick(operators) : pick(odd);
  const positional = pick(counts);
  const named = next() < 0.6 ? 0 : pick(counts);
  numbers[POSITIONAL] = positional;
  numbers[NAMED] = named;
  for (let i = 0; i < Math.min(positional || 0, 65); i++) value(0);
  for (let i = 0; i < Math.min(named || 0, 65); i++) {
    slot(pick(ids));
    value(0);
  }
  const entry = below(16);
  judge(verdicts, `seed ${seed}, round ${round}, entry ${entry}`, () => call(entry, () => pick(counts)));
}

/** A call that would work, with some of its slots replaced. */
function broken({ next, below, pick }: Random): void {
  const which = below(names.length);
  tidy(() => {
    const args = examples[names[which] as string]!();
    begin();
    for (const arg of args) put(arg, 'an argument');
    openArena();
    numbers[OPERATOR] = operators[which] as number;
    numbers[POSITIONAL] = args.length;
    numbers[NAMED] = 0;
    for (let times = below(4); times > 0; times--) {
      numbers[FIRST + below(4 * args.length)] = next() < 0.5 ? below(14) : pick(odd);
    }
    call(6, () => 0);
  });
}

function call(entry: number, count: () => number): unknown {
  switch (entry) {
    case 0:
      return addon.backward(true, false);
    case 1:
      return addon.gradients(true, false, true);
    case 2:
      return addon.attachNode(() => [handles[0] as number, 0, NaN, 'x' as unknown as number]);
    case 3:
      return addon.releaseMany(count());
    case 4:
      return addon.fromData(new Float32Array(4), ids[0] as number, count());
    case 5:
      return addon.memory();
    default:
      try {
        if (addon.call()) refreshArena();
        return undefined;
      } catch (error) {
        throw fromNative(error);
      }
  }
}

for (let round = 0; round < rounds; round++) {
  if (round % 500 === 0) refill();
  run(round);
}
report(verdicts);
