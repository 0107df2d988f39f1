import { describe, expect, test } from '@jest/globals';
import { OutOfMemoryError } from '../../lib/errors.ts';
import {
  Batcher,
  isOutOfMemory,
  PowerAdaptativeBatcher,
  RecoverableOOMError,
  StepTrainingHook,
  type TrainerContext,
} from '../../lib/learning/index.ts';
import { F } from '../../lib/torch/functions.ts';
import type { Linear } from '../../lib/torch/nn/layers/linear.ts';
import { keep, memory } from '../../lib/torch/scope.ts';
import { type Example, ToyTrainer, toyLearner, toyModel, toySampler } from './toy.ts';

const SIXTEEN = Array.from({ length: 16 }, (_, i) => i);
const outOfMemory = () =>
  new OutOfMemoryError('CUDA out of memory.', { code: 'ERR_OUT_OF_MEMORY', op: 'aten::mm' });

/** Fails as long as more than `limit` records come at once, and notes the sizes. */
function limited(limit: number) {
  const sizes: number[] = [];
  const check = (part: readonly unknown[]) => {
    sizes.push(part.length);
    if (part.length > limit) throw outOfMemory();
  };
  return { sizes, check };
}

describe('memory that ran out', () => {
  test('of the CPU, truly', () => {
    let thrown: unknown;
    try {
      F.zeros([2 ** 50]);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ code: 'ERR_OUT_OF_MEMORY', bytes: 2 ** 52 });
    expect(isOutOfMemory(thrown)).toBe(true);
  });

  test.each([
    ['CUDA out of memory. Tried to allocate 2.00 GiB', true],
    ['CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate(handle)', true],
    ['cuDNN error: CUDNN_STATUS_NOT_SUPPORTED.', true],
    ["[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory", true],
    ['[enforce fail] data. DefaultCPUAllocator: not enough memory: you tried to allocate 1 bytes', true],
    ['Array buffer allocation failed', true],
    ['CUDA error: device-side assert triggered', false],
    ['mat1 and mat2 shapes cannot be multiplied (2x3 and 2x1)', false],
  ])('%s: %p', (message, is) => {
    expect(isOutOfMemory(new Error(message))).toBe(is);
    expect(isOutOfMemory(new Error('around it', { cause: new Error(message) }))).toBe(is);
  });

  test.each([[undefined], [null], ['out of memory'], [{}]])('%p is no error', (value) => {
    expect(isOutOfMemory(value)).toBe(false);
  });
});

describe('Batcher', () => {
  test('never cuts and never tries again', async () => {
    const worker = new Batcher().initialize(4);
    const { sizes, check } = limited(8);
    await worker.process(SIXTEEN.slice(0, 8), check);
    await expect(worker.process(SIXTEEN, check)).rejects.toThrow('CUDA out of memory');
    await expect(worker.process(SIXTEEN, check, { raiseOom: true })).rejects.not.toBeInstanceOf(
      RecoverableOOMError,
    );
    expect(sizes).toEqual([8, 16, 16]);
  });

  test('gives a batch as it is, so one that cannot be cut works', async () => {
    const batch = { length: 3, slice: () => expect(true).toBe(false) };
    const seen: unknown[] = [];
    await new Batcher().initialize(1).process(batch, (part) => void seen.push(part));
    expect(seen).toEqual([batch]);
    await expect(new Batcher().initialize(1).process({} as never, () => {})).rejects.toThrow(
      'Expected something with a length for batch',
    );
  });
});

describe('PowerAdaptativeBatcher', () => {
  test('goes from 16 to 8, 5, 4, 3, 2, 1 and then gives up, with the error of the last', async () => {
    const worker = new PowerAdaptativeBatcher().initialize(16);
    const { sizes, check } = limited(0);
    for (const size of [8, 5, 4, 3, 2, 1]) {
      await expect(worker.process(SIXTEEN, check, { raiseOom: true })).rejects.toThrow(RecoverableOOMError);
      expect(worker.stateDict()).toEqual({ size });
    }
    await expect(worker.process(SIXTEEN, check, { raiseOom: true })).rejects.toBeInstanceOf(OutOfMemoryError);
    expect(sizes).toEqual([16, 8, 5, 4, 3, 2, 1]);
    const odd = new PowerAdaptativeBatcher().initialize(7);
    for (const size of [3, 2, 1]) {
      await expect(odd.process(SIXTEEN.slice(0, 7), limited(0).check, { raiseOom: true })).rejects.toThrow();
      expect(odd.stateDict()).toEqual({ size });
    }
  });

  test('raiseOom: all is to be done again; the size stays', async () => {
    const worker = new PowerAdaptativeBatcher().initialize(16);
    const { sizes, check } = limited(5);
    const error = await worker.process(SIXTEEN, check, { raiseOom: true }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      name: 'RecoverableOOMError',
      code: 'ERR_OUT_OF_MEMORY',
      message: 'Memory ran out with 16 records at once; from here on at most 8',
      cause: { name: 'OutOfMemoryError' },
    });
    await expect(worker.process(SIXTEEN, check, { raiseOom: true })).rejects.toThrow('at most 5');
    await worker.process(SIXTEEN, check, { raiseOom: true });
    await worker.process(SIXTEEN.slice(0, 3), check, { raiseOom: true });
    expect(sizes).toEqual([16, 8, 5, 5, 5, 1, 3]);
  });

  test('without it, goes on with what failed', async () => {
    const worker = new PowerAdaptativeBatcher().initialize(16);
    const seen: number[] = [];
    let calls = 0;
    await worker.process(SIXTEEN, async (part) => {
      calls++;
      // The first fails, and the third, after half was done.
      if (calls === 1 || calls === 3) throw outOfMemory();
      seen.push(...part);
    });
    expect(seen).toEqual(SIXTEEN);
    expect(calls).toBe(1 + 1 + 1 + 2);
    expect(worker.stateDict()).toEqual({ size: 5 });
  });

  test('with replay, the function is called again with all parts', async () => {
    const worker = new PowerAdaptativeBatcher().initialize(16);
    const calls: number[][] = [];
    const result = await worker.processWithReplay(SIXTEEN, async (parts, count) => {
      const sizes: number[] = [count];
      calls.push(sizes);
      let sum = 0;
      for (const part of parts) {
        sizes.push(part.length);
        if (part.length > 5) throw outOfMemory();
        for (const each of part) sum += each;
      }
      return sum;
    });
    expect(result).toBe(120);
    expect(calls).toEqual([
      [1, 16],
      [2, 8],
      [4, 5, 5, 5, 1],
    ]);
  });

  test('reduce carries the value on, over a failure too', async () => {
    const worker = new PowerAdaptativeBatcher().initialize(16);
    const { sizes, check } = limited(5);
    const fold = async (text: string, part: readonly number[]) => {
      check(part);
      await null;
      return `${text}(${part.join(' ')})`;
    };
    expect(await worker.reduce(SIXTEEN, fold, '')).toBe('(0 1 2 3 4)(5 6 7 8 9)(10 11 12 13 14)(15)');
    expect(sizes).toEqual([16, 8, 5, 5, 5, 1]);
    // Without a promise as well.
    expect(await worker.reduce([1, 2, 3], (sum: number, part) => sum + part.length, 0)).toBe(3);
  });

  test('frees what a part made, and keeps what reduce returns', async () => {
    const worker = new PowerAdaptativeBatcher().initialize(4);
    worker.loadStateDict({ size: 1 });
    const before = memory().tensors;
    let most = 0;
    await worker.process([1, 2, 3, 4], () => {
      F.zeros([8]).add(1);
      most = Math.max(most, memory().tensors - before);
    });
    expect(most).toBe(2);
    expect(memory().tensors).toBe(before);
    const sum = await worker.reduce([1, 2, 3, 4], (total, [item]) => total.add(item!), keep(F.zeros([])));
    expect(sum.item()).toBe(10);
  });

  test('its state is its size', () => {
    const worker = new PowerAdaptativeBatcher().initialize(16);
    worker.loadStateDict({ size: 3 });
    expect(worker.size).toBe(3);
    for (const state of [{}, { size: 0 }, { size: -1 }, { size: 0.5 }, { size: '3' }]) {
      expect(() => worker.loadStateDict(state)).toThrow('Expected a positive integer for size');
    }
    // Of a batcher that did not cut, and of larger batches than those of now.
    worker.loadStateDict(null);
    expect(worker.size).toBe(3);
    worker.loadStateDict({ size: 17 });
    expect(worker.size).toBe(16);
  });
});

/** Notes the parts of batches, and has memory for so many records. */
class Watched extends ToyTrainer {
  readonly trace: unknown[] = [];
  limit = Number.POSITIVE_INFINITY;

  protected override trainBatch(records: readonly Example[]): void {
    this.trace.push(records.length);
    super.trainBatch(records);
    if (records.length > this.limit) throw outOfMemory();
  }
}

const EIGHT = Array.from({ length: 8 }, (_, i): Example => ({ x: [i % 5, 1], y: 3 * i - 1 }));

describe('a step whose memory runs out', () => {
  test('is made again as a whole: hooks, gradients and metrics begin anew, the step counts once', async () => {
    const trainer = new Watched({
      sampler: toySampler(EIGHT),
      batchSize: 8,
      batcher: new PowerAdaptativeBatcher(),
    });
    trainer.limit = 4;
    const { trace } = trainer;
    class Noting extends StepTrainingHook {
      override before(context: TrainerContext): void {
        trace.push('before');
        context.addMetric('attempts', 1);
      }
      override after({ state }: TrainerContext): void {
        trace.push(`after ${state.steps}`);
      }
    }
    const model = toyModel();
    const told: unknown[] = [];
    await toyLearner({ model, trainer, hooks: [new Noting()], maxEpochs: 1, stepsPerEpoch: 2 }).run({
      progress: (event) => {
        if ('message' in event) told.push(event.message);
        if (event.type === 'step') told.push(event.metrics.get('mse'));
      },
    });
    expect(trace).toEqual(['before', 8, 'before', 4, 4, 'after 1', 'before', 4, 4, 'after 2']);

    // As if memory had never run out.
    const whole = toyModel();
    const losses: unknown[] = [];
    await toyLearner({
      model: whole,
      trainer: new ToyTrainer({ sampler: toySampler(EIGHT), batchSize: 8 }),
      maxEpochs: 1,
      stepsPerEpoch: 2,
    }).run({
      progress: (event) => {
        if (event.type === 'step') losses.push(event.metrics.get('mse'));
      },
    });
    const [warning, ...means] = told;
    expect(warning).toBe('Memory ran out with 8 records at once; from here on at most 4');
    for (const [i, loss] of losses.entries()) expect(means[i]).toBeCloseTo(loss as number, 4);
    const [a, b] = [model, whole].map(({ weight }) => Array.from(weight.toTypedArray() as Float32Array));
    for (const [i, value] of a!.entries()) expect(value).toBeCloseTo(b![i]!, 6);
  });

  test('ends the run when no part is small enough, and when the batcher does not cut', async () => {
    for (const batcher of [new PowerAdaptativeBatcher(), new Batcher()]) {
      const trainer = new Watched({ sampler: toySampler(EIGHT), batchSize: 4, batcher });
      trainer.limit = 0;
      await expect(toyLearner({ trainer }).run({ progress: false })).rejects.toMatchObject({
        name: 'OutOfMemoryError',
        code: 'ERR_OUT_OF_MEMORY',
      });
      expect(trainer.trace).toEqual(batcher instanceof PowerAdaptativeBatcher ? [4, 2, 1] : [4]);
    }
  });

  test('is tried again after memory of the machine truly ran out', async () => {
    class Greedy extends ToyTrainer {
      protected override trainBatch(records: readonly Example[]): void {
        if (records.length > 2) F.zeros([records.length * 2 ** 50]);
        super.trainBatch(records);
      }
    }
    const trainer = new Greedy({
      sampler: toySampler(EIGHT),
      batchSize: 8,
      batcher: new PowerAdaptativeBatcher(),
    });
    await toyLearner({ trainer, maxEpochs: 1, stepsPerEpoch: 1 }).run({ progress: false });
    expect(trainer.seen.map(({ length }) => length)).toEqual([2, 2, 2, 2]);
  });
});

describe('the gradient', () => {
  /** Norm of the gradient of one step over eight records, in parts of the given size. */
  async function normOf(size: number, sumMicrobatches: boolean): Promise<number> {
    const batcher = new (class extends PowerAdaptativeBatcher {
      override initialize(batchSize: number) {
        const worker = super.initialize(batchSize);
        worker.loadStateDict({ size });
        return worker;
      }
    })();
    const model = toyModel();
    let norm = Number.NaN;
    class Norm extends StepTrainingHook {
      override after(): void {
        norm = Number((model as Linear).weight.grad!.norm().item());
      }
    }
    const records = Array.from({ length: 8 }, (): Example => ({ x: [2, 1], y: 3 }));
    // Equal records make every part's mean loss the same, so the sum of the parts is a multiple of the mean.
    const trained = sumMicrobatches ? records : EIGHT;
    await toyLearner({
      model,
      trainer: new ToyTrainer({ sampler: toySampler(trained), batchSize: 8, batcher, sumMicrobatches }),
      hooks: [new Norm()],
      maxEpochs: 1,
      stepsPerEpoch: 1,
    }).run({ progress: false });
    return norm;
  }

  test('does not depend on how a batch is cut: 1, 2, 4 and 8 parts, and uneven ones', async () => {
    const whole = await normOf(8, false);
    expect(whole).toBeGreaterThan(1);
    for (const size of [4, 2, 1, 3, 5]) expect((await normOf(size, false)) / whole).toBeCloseTo(1, 5);
  });

  test('with sumMicrobatches it is the sum of the parts, as many times as there are', async () => {
    const whole = await normOf(8, true);
    const norms = [await normOf(4, true), await normOf(2, true), await normOf(1, true)];
    for (const [i, times] of [2, 4, 8].entries()) expect(norms[i]! / whole).toBeCloseTo(times, 4);
  });
});
