import { describe, expect, test } from '@jest/globals';
import { native } from '../../lib/native.ts';
import { within } from '../../lib/torch/context.ts';
import * as torch from '../../lib/torch/index.ts';
import { itCuda, itWithoutCuda } from '../support/cuda.ts';

const { cuda } = torch;
const MISSING = 'Expected a machine with a CUDA device for';

describe('without a device', () => {
  itWithoutCuda('what needs one says so', () => {
    const needs: (() => unknown)[] = [
      () => cuda.synchronize(),
      () => new cuda.Stream(),
      () => new cuda.Stream({ device: 'cuda:1', priority: -1 }),
      () => new cuda.Event(),
      () => new cuda.Event({ enableTiming: true }),
      () => cuda.currentStream(),
      () => cuda.defaultStream(),
      () => cuda.memGetInfo(),
      () => cuda.getDeviceProperties(),
      () => cuda.getDeviceName(0),
      () => cuda.getDeviceCapability('cuda:0'),
    ];
    for (const need of needs) expect(need).toThrow(MISSING);
  });

  itWithoutCuda('tensors stay where they are, and are not pinned', () => {
    const x = torch.ones([2]);
    expect(x.isPinned()).toBe(false);
    expect(() => x.pinMemory()).toThrow(torch.TorchError);
    expect(() => x.to('cuda', { nonBlocking: true })).toThrow(torch.TorchError);
    expect(x.to('cpu', { nonBlocking: true })).toBe(x);
    expect(x.to('float64', { nonBlocking: true }).tolist()).toEqual([1, 1]);
    expect(() => x.to('float64', { nonBlocking: 'yes' as never })).toThrow(
      'Expected a boolean for non_blocking',
    );
  });

  test('a flow without a stream is as it is', async () => {
    expect(cuda.withStream(null, () => torch.ones([2]).sum().item())).toBe(2);
    expect(await cuda.withStream(null, async () => torch.ones([3]).sum().item())).toBe(3);
    expect(() => cuda.withStream(null, 3 as never)).toThrow('Expected a function for fn');
  });

  test('what is no stream or event is refused', () => {
    const x = torch.ones([2]);
    for (const bad of [0, 1, 'cuda', {}, [], Object.create(cuda.Stream.prototype)]) {
      expect(() => cuda.withStream(bad as never, () => 1)).toThrow('Expected a Stream for stream');
      expect(() => x.recordStream(bad as never)).toThrow('Expected a Stream for stream');
      expect(() => cuda.Stream.prototype.synchronize.call(bad)).toThrow('Expected a Stream for stream');
    }
    for (const bad of [undefined, null, 3, 'low', 1, -2])
      if (bad !== undefined)
        expect(() => new cuda.Stream({ priority: bad as never })).toThrow('Expected 0 or -1 for priority');
    expect(() => new cuda.Stream(3 as never)).toThrow('Expected options for a new Stream');
    for (const bad of [0, 1, 999, -1, Number.NaN, 0.5]) {
      expect(() => native().streamSynchronize(bad)).toThrow(/^Expected a Stream/);
      expect(() => native().eventSynchronize(bad)).toThrow(/^Expected an Event/);
    }
  });
});

test('a number in the header that is no stream leaves operators where they are', () => {
  for (const stream of [1, 9, 1e6, 1e300, Number.NaN, Number.POSITIVE_INFINITY, -3]) {
    const given = { stream: stream + 100 };
    expect(within(given, () => torch.ones([2]).add(1).tolist())).toEqual([2, 2]);
    const w = torch.ones([2], { requiresGrad: true });
    within(given, () => w.mul(3).sum().backward());
    expect(w.grad!.tolist()).toEqual([3, 3]);
  }
  expect(within({ stream: 200 }, () => torch.noGrad(() => torch.isGradEnabled()))).toBe(false);
});

describe('on a device', () => {
  itCuda('streams run beside each other, and wait where they are told', () => {
    const [side, other] = [new cuda.Stream(), new cuda.Stream({ priority: -1 })];
    expect(side.equals(other)).toBe(false);
    expect(side.device).toBe('cuda:0');
    const before = cuda.currentStream();
    const x = torch.ones([256, 256], { device: 'cuda' });
    side.waitStream(before);
    const y = cuda.withStream(side, () => {
      expect(cuda.currentStream().equals(side)).toBe(true);
      return x.mm(x);
    });
    expect(cuda.currentStream().equals(before)).toBe(true);
    other.waitStream(side);
    y.recordStream(other);
    expect(cuda.withStream(other, () => y.sum().item())).toBe(256 ** 3);
    side.synchronize();
    expect(side.query()).toBe(true);
    expect(cuda.withStream(side, () => y.at(0, 0).item())).toBe(256);
    expect(cuda.withStream(side, () => (y.toTypedArray() as Float32Array)[5])).toBe(256);
  });

  itCuda('a stream follows its own flow', async () => {
    const side = new cuda.Stream();
    const before = cuda.currentStream();
    const flow = cuda.withStream(side, async () => {
      await new Promise(setImmediate);
      return cuda.currentStream().equals(side);
    });
    expect(cuda.currentStream().equals(before)).toBe(true);
    expect(await flow).toBe(true);
  });

  itCuda('gradients are computed on the stream of their flow', () => {
    const side = new cuda.Stream();
    const w = torch.ones([64], { device: 'cuda', requiresGrad: true });
    side.waitStream(cuda.currentStream());
    cuda.withStream(side, () => w.mul(3).sum().backward());
    cuda.currentStream().waitStream(side);
    expect(w.grad!.sum().item()).toBe(192);
  });

  itCuda('events tell time', () => {
    const [begin, end] = [new cuda.Event({ enableTiming: true }), new cuda.Event({ enableTiming: true })];
    const x = torch.ones([512, 512], { device: 'cuda' });
    begin.record();
    x.mm(x);
    end.record();
    end.synchronize();
    expect(end.query()).toBe(true);
    expect(begin.elapsedTime(end)).toBeGreaterThan(0);
    const [a, b] = [new cuda.Event(), new cuda.Event()];
    a.record();
    b.record();
    cuda.synchronize();
    expect(() => a.elapsedTime(b)).toThrow(torch.TorchError);
  });

  itCuda('memory is counted', () => {
    const before = cuda.memoryAllocated();
    cuda.resetPeakMemoryStats();
    const x = torch.zeros([1 << 20], { device: 'cuda' });
    expect(cuda.memoryAllocated() - before).toBe(4 << 20);
    x.dispose();
    cuda.emptyCache();
    expect(cuda.memoryAllocated()).toBe(before);
    expect(cuda.maxMemoryAllocated()).toBeGreaterThanOrEqual(before + (4 << 20));
    expect(cuda.memoryStats()['allocation.all.allocated']).toBeGreaterThan(0);
    expect(cuda.memoryReserved()).toBeGreaterThanOrEqual(cuda.memoryAllocated());
    const [free, total] = cuda.memGetInfo();
    expect(free).toBeGreaterThan(0);
    expect(total).toBeGreaterThanOrEqual(free);
  });

  itCuda('a device says what it is', () => {
    const { name, major, totalMemory, multiProcessorCount } = cuda.getDeviceProperties();
    expect(cuda.getDeviceName()).toBe(name);
    expect(cuda.getDeviceCapability()[0]).toBe(major);
    expect(totalMemory).toBeGreaterThan(2 ** 30);
    expect(multiProcessorCount).toBeGreaterThan(0);
  });

  itCuda('pinned memory is copied while JavaScript goes on', () => {
    const pinned = torch.arange(1 << 16).pinMemory();
    expect(pinned.isPinned()).toBe(true);
    const moved = pinned.to('cuda', { nonBlocking: true });
    expect(moved.device).toBe('cuda:0');
    expect(moved.sum().item()).toBe((65535 * 65536) / 2);
  });
});
