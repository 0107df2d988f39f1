import { afterAll, describe, expect, test } from '@jest/globals';
import * as torch from '../../lib/torch/index.ts';
import { itWithoutCuda } from '../support/cuda.ts';
import { loadFixture } from '../support/fixtures.ts';

const { backends, cuda } = torch;

interface Recorded {
  readonly steps: readonly {
    readonly set: string | null;
    readonly value: unknown;
    readonly state: Record<string, unknown>;
  }[];
  readonly memory: Record<string, number>;
  readonly stats: Record<string, number>;
}

const recorded = loadFixture<Recorded>('backends.json');

const settings: Record<string, { get(): unknown; set(value: never): void }> = {
  precision: { get: torch.getFloat32MatmulPrecision, set: torch.setFloat32MatmulPrecision },
  'matmul.allowTf32': flag(backends.cuda.matmul, 'allowTf32'),
  'cudnn.allowTf32': flag(backends.cudnn, 'allowTf32'),
  'cudnn.benchmark': flag(backends.cudnn, 'benchmark'),
  'cudnn.deterministic': flag(backends.cudnn, 'deterministic'),
  'cudnn.enabled': flag(backends.cudnn, 'enabled'),
};

function flag<K extends string>(holder: Record<K, boolean>, name: K) {
  return {
    get: () => holder[name],
    set: (value: boolean) => {
      holder[name] = value;
    },
  };
}

function read(get: () => unknown): unknown {
  try {
    return get();
  } catch (error) {
    expect(error).toBeInstanceOf(torch.TorchError);
    return 'refused';
  }
}

const state = () => Object.fromEntries(Object.entries(settings).map(([name, { get }]) => [name, read(get)]));

afterAll(() => {
  for (const [name, value] of Object.entries(recorded.steps[0]!.state)) settings[name]!.set(value as never);
});

describe('settings of backends', () => {
  test('begin, change and imply each other as in PyTorch', () => {
    for (const { set, value, state: wanted } of recorded.steps) {
      if (set !== null) settings[set]!.set(value as never);
      expect({ set, value, state: state() }).toEqual({ set, value, state: wanted });
    }
  });

  test('what is no precision is refused, where PyTorch only warns', () => {
    for (const bad of ['low', '', null, 3, ['high']])
      expect(() => torch.setFloat32MatmulPrecision(bad as never)).toThrow(
        /^Expected one of highest, high, medium for precision but received/,
      );
    expect(torch.getFloat32MatmulPrecision()).toBe('highest');
  });

  test('flags are booleans', () => {
    for (const [name, { set }] of Object.entries(settings).slice(1))
      for (const bad of [1, 'true', null, undefined, {}])
        expect(() => set(bad as never)).toThrow(
          `Expected a boolean for ${name.replace(/^.*\./, '')} but received`,
        );
  });

  test('on the CPU they change no bit of a float32 product', () => {
    const x = torch.arange(64, { dtype: 'float32' }).reshape([8, 8]).div(7);
    const before = x.mm(x).tolist();
    backends.cuda.matmul.allowTf32 = true;
    const after = x.mm(x).tolist();
    backends.cuda.matmul.allowTf32 = false;
    expect(after).toEqual(before);
  });
});

itWithoutCuda('memory without a device is what PyTorch says', () => {
  expect(cuda.memoryStats()).toEqual(recorded.stats);
  expect({
    memory_allocated: cuda.memoryAllocated(),
    max_memory_allocated: cuda.maxMemoryAllocated(),
    memory_reserved: cuda.memoryReserved(),
    max_memory_reserved: cuda.maxMemoryReserved(),
  }).toEqual(recorded.memory);
  cuda.emptyCache();
  cuda.resetPeakMemoryStats();
  cuda.resetAccumulatedMemoryStats();
});
