/** Training on a CUDA device, and what of it is there without one. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { BatchUpload } from '../../lib/learning/batchUpload.ts';
import { CudaDevice } from '../../lib/learning/devices.ts';
import { AdamW, GradientClippingHook } from '../../lib/learning/index.ts';
import { placed } from '../../lib/learning/tensorParts.ts';
import { areNear, firstDifference, toleranceOn } from '../../lib/torch/compile/twice.ts';
import * as torch from '../../lib/torch/index.ts';
import { itCuda, itWithoutCuda } from '../support/cuda.ts';
import { type Batch, collated, type Made, Net, NetTrainer, one, outcome } from './compiledNet.ts';
import type { Example } from './toy.ts';

beforeAll(() => torch.setNumThreads(1));

/** The same bits each time. */
const onGpu: Made = { device: () => new CudaDevice({ gpuDeterm: true }) };
const graphs: Made = { ...onGpu, cudaGraphs: true };

describe('compiled steps on a device', () => {
  itCuda(
    'leave the bits of steps that are not compiled, with graphs too',
    async () => {
      const expected = await outcome(onGpu, false);
      expect(await outcome(onGpu, true)).toEqual(expected);
      expect(await outcome(graphs, true)).toEqual(expected);
      expect(await outcome(graphs, 'verify')).toEqual(expected);
    },
    120_000,
  );

  itCuda(
    'and with hooks on gradients, several batches in a step, and mixed precision',
    async () => {
      const variants: Made[] = [
        { hooks: () => [new GradientClippingHook({ maxNorm: 0.5 })] },
        { accumulateGradBatches: 3 },
        { useFp16: true },
      ];
      for (const variant of variants) {
        const expected = await outcome({ ...onGpu, ...variant }, false);
        expect(await outcome({ ...onGpu, ...variant }, true)).toEqual(expected);
        expect(await outcome({ ...graphs, ...variant }, true)).toEqual(expected);
      }
    },
    240_000,
  );

  itCuda('a loss that is not finite is found before anything is updated', async () => {
    class Exploding extends NetTrainer {
      #steps = 0;
      protected override collate(records: readonly Example[]): Batch {
        const { x, y } = collated(records);
        this.#steps++;
        return { x: this.#steps < 12 ? x : x.mul(Number.POSITIVE_INFINITY), y };
      }
    }
    for (const made of [onGpu, graphs])
      await expect(outcome({ ...made, trainer: () => new Exploding() }, true)).rejects.toThrow('finite');
  });

  itCuda('a step that computes on the CPU too is compiled, and no graph', async () => {
    class Travelling extends Net {
      override forward(x: torch.Tensor): torch.Tensor {
        return super.forward(x.to('cpu').mul(2).to(x.device));
      }
    }
    const { warnings } = await outcome({ ...graphs, model: () => new Travelling() }, true);
    expect(warnings).toEqual(['steps are not captured as graphs: computes on the CPU too']);
  });

  itWithoutCuda('without one graphs change nothing', async () => {
    const made = { optimizers: () => one(new AdamW({ lr: 1e-2, fused: true })) };
    expect(await outcome({ ...made, cudaGraphs: true }, true)).toEqual(await outcome(made, true));
  });
});

describe('batches on their way', () => {
  itCuda('are on the device when they are used, in the dtypes of the run', () => {
    const upload = new BatchUpload('cuda:0');
    const before = { x: torch.arange(1 << 16, { dtype: 'float32' }), y: torch.arange(8) };
    const born = new Set<unknown>([before.x, before.y]);
    const options = { device: 'cuda:0', dtype: 'bfloat16', born, upload } as const;
    const { tensors, arrive } = placed(before, options);
    const { x, y } = tensors as typeof before;
    arrive?.();
    expect([x.device, x.dtype, y.device, y.dtype]).toEqual(['cuda:0', 'bfloat16', 'cuda:0', 'int64']);
    expect(y.tolist()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(x.at(128).item()).toBe(128);
    expect(before.x.isDisposed).toBe(true);
    expect((placed(tensors, options).tensors as typeof before).x).toBe(x);
  });

  test('on the CPU are the very tensors, and nothing has to arrive', () => {
    const before = { x: torch.ones([2]), y: [torch.arange(3)] };
    const same = placed(before, {
      device: 'cpu',
      dtype: undefined,
      born: new Set([before.x]),
      upload: undefined,
    });
    expect(same).toEqual({ tensors: before, owned: new Set([before.x]), arrive: undefined });
    expect(same.tensors).toBe(before);
  });
});

describe('what two computations of the same may differ in', () => {
  const x = torch.tensor([1, 2, 4]);
  const near = torch.tensor([1, 2, 4.0001]);

  test('nothing on the CPU, and nothing with deterministic algorithms', () => {
    expect(toleranceOn('cpu', true)).toBe(0);
    torch.useDeterministicAlgorithms(true);
    expect(toleranceOn('cuda:0', false)).toBe(0);
    torch.useDeterministicAlgorithms(false);
    expect(toleranceOn('cuda:0', true)).toBeGreaterThan(toleranceOn('cuda:0', false));
    expect(firstDifference([x], [near])).toBe(0);
    expect(firstDifference([x, null], [x, null])).toBeUndefined();
  });

  test('a share of the largest number, otherwise', () => {
    expect(firstDifference([x, x], [x, near], 1e-4)).toBeUndefined();
    expect(firstDifference([x, x], [x, near], 1e-6)).toBe(1);
    expect(firstDifference([x], [null], 1)).toBe(0);
    expect(firstDifference([x], [torch.tensor([1, 2])], 1)).toBe(0);
    expect(firstDifference([torch.tensor([Number.NaN])], [torch.tensor([1])], 1)).toBe(0);
    expect(firstDifference([torch.tensor([Number.NaN])], [torch.tensor([Number.NaN])], 1)).toBeUndefined();
    // What counts or chooses is the same, or it is not.
    expect(firstDifference([torch.arange(3)], [torch.arange(3).add(1)], 1)).toBe(0);
    expect([areNear(1, 1.00001, 1e-4), areNear(1, 1.01, 1e-4), areNear(Number.NaN, Number.NaN, 0)]).toEqual([
      true,
      false,
      true,
    ]);
  });
});
