import { afterEach, describe, expect, test } from '@jest/globals';
import * as torch from '../../lib/torch/index.ts';
import { expectBitEqual, loadFixture, type TensorEntry, toTensor } from '../support/fixtures.ts';

interface Recorded {
  readonly printed: readonly { tensor: TensorEntry; text: string }[];
  readonly layouts: readonly { make: string; args: unknown[]; text: string }[];
  readonly base: TensorEntry;
  readonly mask: TensorEntry;
  readonly rows: TensorEntry;
  readonly indexed: readonly { index: unknown[]; value: TensorEntry }[];
  readonly assigned: readonly { index: unknown[]; value: number; result: TensorEntry }[];
}

const recorded = loadFixture<Recorded>('tensors.json');

/** Masks and rows stand by name in the recording. */
const indices = (index: readonly unknown[]) =>
  index.map((one) =>
    one === 'mask' ? toTensor(recorded.mask) : one === 'rows' ? toTensor(recorded.rows) : one,
  ) as torch.Index[];

test.each(recorded.printed.map((one, i) => [i, one] as const))(
  'prints as PyTorch: %i',
  (_, { tensor, text }) => {
    expect(String(toTensor(tensor))).toBe(text);
  },
);

/** What a recorded argument stands for: an array of numbers a tensor, `int64` one of integers, `size` a list. */
function revive(arg: unknown): unknown {
  if (Array.isArray(arg)) return torch.tensor(arg);
  const { int64, size } = Object(arg) as { int64?: number[]; size?: number[] };
  return int64 ? torch.tensor(int64, { dtype: 'int64' }) : (size ?? arg);
}

test.each(recorded.layouts.map((one, i) => [i, one] as const))(
  'prints other layouts as PyTorch: %i',
  (_, { make, args, text }) => {
    const functions = torch as unknown as Record<string, (...args: unknown[]) => torch.Tensor>;
    const wide = () =>
      torch.sparseCooTensor(torch.arange(1200).reshape([2, 600]), torch.arange(600).div(8), [1000, 2000]);
    const [first, ...rest] = args.map(revive);
    const method = () => (first as Record<string, (...args: unknown[]) => torch.Tensor>)[make]!(...rest);
    const tensor =
      make === 'wide' ? wide() : make.startsWith('to') ? method() : functions[make]!(first, ...rest);
    expect(String(tensor)).toBe(text);
  },
);

test.each(recorded.indexed.map((one) => [JSON.stringify(one.index), one] as const))(
  'indexes as PyTorch: %s',
  (_, { index, value }) => expectBitEqual(toTensor(recorded.base).index(indices(index)), value),
);

test.each(recorded.assigned.map((one) => [JSON.stringify(one.index), one] as const))(
  'assigns as PyTorch: %s',
  (_, { index, value, result }) =>
    expectBitEqual(toTensor(recorded.base).indexPut_(indices(index), value), result),
);

describe('values in and out', () => {
  const cases: [torch.DType, unknown[]][] = [
    ['float32', [1.5, -0, 3]],
    ['float64', [0.1, 1e300]],
    ['float16', [1.5, 65504]],
    ['bfloat16', [1.5, -2]],
    ['int64', [1, -5, 2n ** 60n]],
    ['int32', [2 ** 31 - 1, -3]],
    ['int16', [-32768]],
    ['int8', [-128, 127]],
    ['uint8', [0, 255]],
    ['bool', [true, false]],
  ];
  test.each(cases)('%s', (dtype, values) => {
    const tensor = torch.tensor(values as number[], { dtype });
    expect(tensor.dtype).toBe(dtype);
    expect(tensor.tolist()).toEqual(values);
    expect(torch.fromTypedArray(tensor.toTypedArray(), [values.length], { dtype }).tolist()).toEqual(values);
  });

  test('complex', () => {
    const tensor = torch.tensor([new torch.Complex(1, 2), 3]);
    expect(tensor.dtype).toBe('complex64');
    expect(tensor.at(0).item<torch.Complex>()).toEqual(new torch.Complex(1, 2));
    expect([...tensor.toTypedArray<Float32Array>()]).toEqual([1, 2, 3, 0]);
  });

  test('dtypes follow the values, not their sizes', () => {
    expect(torch.tensor([1, 2]).dtype).toBe('float32');
    expect(torch.tensor([1n]).dtype).toBe('int64');
    expect(torch.tensor(true).dtype).toBe('bool');
    expect(torch.tensor(new Float64Array(2)).dtype).toBe('float64');
    expect(torch.full([2], 1).dtype).toBe('float32');
  });

  test('int64 is exact: numbers where they hold it, bigints elsewhere', () => {
    expect(torch.tensor([2n ** 53n]).item<bigint>()).toBe(2 ** 53);
    expect(torch.tensor([2n ** 53n + 1n]).item<bigint>()).toBe(2n ** 53n + 1n);
    expect(() => torch.tensor([2 ** 53 + 2], { dtype: 'int64' })).toThrow(RangeError);
    expect(() => torch.tensor([300], { dtype: 'uint8' })).toThrow(/uint8 holds exactly .* received 300/);
  });

  test('ragged arrays say where', () => {
    expect(() => torch.tensor([[1, 2], [3]])).toThrow(
      'Expected an array of 2 at depth 1 of data but received an array of 1',
    );
  });
});

describe('errors', () => {
  test('of arguments name operator, parameter, expected, received and candidates', () => {
    const call = () => torch.ones([2]).add('x' as never);
    expect(call).toThrow(TypeError);
    expect(call).toThrow(
      /aten::add: Expected a Tensor or a number for other but received "x"\nCandidates:\n {2}aten::add\.Tensor/,
    );
    expect(() => torch.ones([2]).sum({ dmi: 1 } as never)).toThrow(/name of a parameter but received dmi/);
    expect(() => (torch.ops.aten as unknown as Record<string, () => void>).no_such_thing?.()).toThrow(
      expect.objectContaining({ code: 'ERR_NO_OPERATOR' }),
    );
  });

  test('of libtorch carry code, operator, shapes, and the backtrace apart', () => {
    let error: unknown;
    try {
      torch.mm(torch.ones([2, 2]), torch.ones([3, 2]));
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(torch.TorchError);
    const { code, op, shapes, message, backtrace } = error as torch.TorchError;
    expect({ code, op, shapes }).toEqual({
      code: 'ERR_TORCH',
      op: 'aten::mm',
      shapes: [
        [2, 2],
        [3, 2],
      ],
    });
    expect(message).toBe('mat1 and mat2 shapes cannot be multiplied (2x2 and 3x2)');
    expect(typeof backtrace).toBe('string');
    expect(Object.keys(error as object)).not.toContain('backtrace');
  });

  test('of memory carry the bytes', () => {
    const call = () => torch.empty([2 ** 47]);
    expect(call).toThrow(torch.OutOfMemoryError);
    try {
      call();
    } catch (error) {
      expect((error as torch.OutOfMemoryError).bytes).toBe(4 * 2 ** 47);
    }
  });

  test('of disposed tensors', () => {
    const gone = torch.ones([2]);
    gone.dispose();
    gone.dispose();
    expect(gone.isDisposed).toBe(true);
    expect(() => gone.add(1)).toThrow(expect.objectContaining({ code: 'ERR_TENSOR_DISPOSED' }));
    expect(() => torch.add(torch.ones([2]), gone)).toThrow(/disposed/);
    expect(String(gone)).toBe('tensor(<disposed>)');
  });

  test('forged tensors are no tensors', () => {
    const forged = Object.create(torch.Tensor.prototype) as torch.Tensor;
    expect(() => forged.add(1)).toThrow(TypeError);
    expect(() => torch.add(torch.ones([2]), forged)).toThrow(TypeError);
  });
});

test('numbers are arithmetic operands as in Python', () => {
  const x = torch.tensor([1.5, -0.3], { dtype: 'bfloat16' });
  expect(x.mul(0.9).dtype).toBe('bfloat16');
  expect(torch.add(1 as never, x).dtype).toBe('bfloat16');
  expect(torch.tensor([7n]).div(2).tolist()).toEqual([3.5]);
  expect(torch.tensor([1n]).add(0.5).dtype).toBe('float32');
});

test('an in-place operator returns the very object; a view shares its memory', () => {
  const x = torch.zeros([2, 2]);
  expect(x.add_(1)).toBe(x);
  x.at(0).fill_(5);
  expect(x.tolist()).toEqual([
    [5, 5],
    [1, 1],
  ]);
  const out = torch.zeros([2, 2]);
  expect((torch.ops.aten.add.out as unknown as (...args: unknown[]) => torch.Tensor)(x, x, { out })).toBe(
    out,
  );
});

afterEach(() => void torch.manualSeed(0));

describe('slips of newcomers', () => {
  test('new Tensor is not how tensors are made, and takes over nothing', () => {
    const Constructor = torch.Tensor as unknown as new (handle: number) => torch.Tensor;
    for (let handle = 1; handle < 50; handle++)
      expect(() => new Constructor(handle)).toThrow(/torch\.tensor\(\)/);
  });

  test('-0 is the integer 0 where an integer is meant', () => {
    expect(torch.arange(3).at(-0).item()).toBe(0);
    expect(torch.tensor([1n]).add(-0).dtype).toBe('int64');
  });

  test('misspelt options and options in the place of the gradient are named', () => {
    expect(() => torch.tensor([1], { requires_grad: true } as never)).toThrow(/requires_grad/);
    const loss = torch.ones([1], { requiresGrad: true }).sum();
    expect(() => loss.backward({ retainGraph: true } as never)).toThrow(/before the options for gradient/);
  });

  test('a result that cannot be walked leaves nothing behind', () => {
    const before = torch.memory().tensors;
    const result = {
      get x(): never {
        throw new RangeError('on purpose');
      },
    };
    expect(() =>
      torch.tidy(() => {
        torch.ones([2]);
        return result;
      }),
    ).toThrow('on purpose');
    expect(torch.memory().tensors).toBe(before);
  });
});

describe('what was wrong once', () => {
  test('uint64 beyond int64 is an item', () => {
    expect(torch.tensor([2n ** 64n - 1n], { dtype: 'uint64' }).item<bigint>()).toBe(2n ** 64n - 1n);
    expect(torch.tensor([-1n]).item()).toBe(-1);
  });

  test('the elements of a list are read once, also behind a getter that calls an operator', () => {
    let reads = 0;
    const get = () => ++reads + 1;
    const shape = Object.defineProperty([2, 0], 1, { get }) as number[];
    expect(torch.zeros(shape).shape).toEqual([2, 2]);
    expect(reads).toBe(1);
    const calling = Object.defineProperty([1, 0, 3], 1, { get: () => torch.ones([2]).ndim }) as number[];
    expect(() => torch.zeros(calling)).toThrow(/calls no operator while it is read/);
  });

  test('stft centers its frames unless told otherwise, as torch.stft does', () => {
    const x = torch.arange(8).to('float32');
    const options = { window: torch.ones([4]), returnComplex: true };
    expect(torch.stft(x, 4, options).shape).toEqual([3, 9]);
    expect(torch.stft(x, 4, { ...options, center: false }).shape).toEqual([3, 5]);
    expect(x.stft(4, options).at(0, 0).abs().item()).toBe(4);
  });

  test('an anomaly is traced from the line of the program', () => {
    const x = torch.zeros([1], { requiresGrad: true });
    const run = () =>
      torch.detectAnomaly(() => torch.nn.functional.layerNorm(x.sqrt().mul(0), [1]).sum().backward());
    let message = '';
    try {
      run();
    } catch (error) {
      message = (error as Error).message;
    }
    expect(message.split('\n')[1]).toContain('tensors.test.ts');
  });

  test('a file that cannot be read has the code ERR_FILE', async () => {
    await expect(torch.loadSafetensors('none/at/all.safetensors')).rejects.toMatchObject({
      code: 'ERR_FILE',
    });
  });
});
