import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { ArgumentError, TorchError } from '../../lib/errors.ts';
import * as torch from '../../lib/torch/index.ts';
import { loadFixture, toTensor } from '../support/fixtures.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const { archives, ids } = loadFixture<{
  archives: Record<string, string>;
  ids: Parameters<typeof toTensor>[0];
}>('jit.json.gz');
const bytes = (archive: string) => Buffer.from(archives[archive]!, 'base64');
const ranker = () => torch.jit.load(bytes('ranker'));
const nested = () => torch.jit.load(bytes('nested'));

describe('arguments and results', () => {
  const good = () => [[torch.tensor([1, 2]), torch.tensor([3, 4])], { a: torch.tensor(1) }, [2, 0.5], 'x'];

  test('nest both ways', () => {
    const [tensors, numbers, tuple, names] = nested().forward<[Record<string, torch.Tensor>, ...unknown[]]>(
      ...good(),
    );
    expect(tensors.total?.tolist()).toEqual([9.5, 13.5]);
    expect(tensors.first?.tolist()).toEqual([1, 2]);
    expect(numbers).toEqual([[1, 2], [2], []]);
    expect(tuple).toEqual(['x!', false, 0.5, null]);
    expect(names).toEqual(
      new Map([
        [1, 'a'],
        [2, 'x'],
      ]),
    );
  });

  test('a Map is a dictionary, null is None, and the last object holds keyword arguments', () => {
    const [tensors, sizes, name] = [good()[0], [2, 0.5], 'x'];
    const table = new Map([['a', torch.tensor(1)]]);
    const [, numbers, tuple] = nested().forward<unknown[]>(tensors, table, sizes, name, null, [7, 8], {
      flag: true,
    });
    expect(numbers).toEqual([[1, 2], [2], [], [7, 8]]);
    expect(tuple).toEqual(['x!', true, 0.5, null]);
    const [, , byName] = nested().forward<unknown[]>({ tensors, table, sizes, name });
    expect(byName).toEqual(['x!', false, 0.5, null]);
  });

  test('named tuples go in by position or by name, complex numbers too', () => {
    const [left, right] = [torch.tensor(1), torch.tensor(2)];
    for (const pair of [[left, right], { left, right }, { right, left }]) {
      const [swapped, scale] = nested().call<[torch.Tensor[], torch.Complex]>(
        'pair',
        pair,
        new torch.Complex(1, 2),
      );
      expect(swapped.map((one) => one.item())).toEqual([2, 1]);
      expect(scale).toEqual(new torch.Complex(2, 4));
    }
  });

  const cycle: unknown[] = [];
  cycle.push(cycle);
  const wrong: [string, RegExp, (model: torch.jit.ScriptModule) => unknown][] = [
    ['nothing', /Expected List\[Tensor\] for tensors but received nothing/, (model) => model.forward()],
    [
      'a number for tensors',
      /Expected List\[Tensor\] for tensors but received 1/,
      (model) => model.forward(1),
    ],
    ['a wrong element', /Expected Tensor for an element of tensors/, (model) => model.forward(['a'])],
    ['a fraction', /Expected int for an element of sizes/, (model) => model.forward([], {}, [0.5, 1], 'x')],
    ['a short tuple', /Expected Tuple\[int, float\] for sizes/, (model) => model.forward([], {}, [1], 'x')],
    ['undefined', /Expected a value for argument 1/, (model) => model.forward(undefined)],
    ['a cycle', /Expected at most 64 levels/, (model) => model.forward(cycle)],
    ['a function', /Expected a value that an operator takes/, (model) => model.forward(() => 1)],
    ['a class instance', /Expected a value that a script takes/, (model) => model.forward(new Date())],
    ['too many', /at most 7 arguments/, (model) => model.forward([], {}, [1, 2], 'x', null, null, true, 1)],
    ['a wrong name', /received flagg/, (model) => model.forward([], {}, [1, 2], 'x', { flagg: true })],
    ['a name twice', /received name/, (model) => model.forward([], {}, [1, 2], 'x', { name: 'y' })],
    [
      'no method',
      /Expected one of forward, .* for method but received "nope"/,
      (model) => model.call('nope'),
    ],
  ];
  test.each(wrong)('%s is an error', (_, message, call) => {
    const model = nested();
    expect(() => call(model)).toThrow(ArgumentError);
    expect(() => call(model)).toThrow(message);
  });

  test('what fails inside says where', () => {
    const call = () => nested().call('fails', torch.tensor([1]));
    expect(call).toThrow(TorchError);
    expect(call).toThrow(/too few elements/);
  });
});

describe('files', () => {
  test('what is no archive is an error', () => {
    const whole = bytes('ranker');
    const garbage = Array.from(whole, (byte, i) => (i % 7 === 0 ? byte ^ 0x55 : byte));
    for (const wrong of [
      new Uint8Array(0),
      Buffer.from('PK'),
      Uint8Array.from(garbage),
      ...[1, 100, whole.length >> 1, whole.length - 1].map((length) => whole.subarray(0, length)),
    ])
      expect(() => torch.jit.load(wrong)).toThrow(expect.objectContaining({ code: 'ERR_FILE' }));
    expect(() => torch.jit.load(join(temporaryDirectory(), 'none.pt'))).toThrow(
      expect.objectContaining({ code: 'ERR_FILE' }),
    );
    expect(() => torch.jit.load(whole, { device: 'moon' })).toThrow(ArgumentError);
    expect(() => torch.jit.load(3 as never)).toThrow(ArgumentError);
  });

  test('a trained model is saved, and is the same for us and for PyTorch', async () => {
    const model = ranker();
    const optimizer = new torch.optim.SGD(model.parameters(), { lr: 0.1 });
    const x = toTensor(ids);
    const before = model.eval().forward(x).tolist();
    model.train();
    for (let step = 0; step < 3; step++) {
      optimizer.zeroGrad();
      model.forward(x).square().sum().backward();
      optimizer.step();
    }
    const after = model.eval().forward(x);
    expect(after.tolist()).not.toEqual(before);
    const file = join(temporaryDirectory(), 'model.pt');
    await model.save(file);
    expect(torch.jit.load(file).eval().forward(x).tolist()).toEqual(after.tolist());
  });
});

describe('as a module', () => {
  test('its state loads from, and moves as, that of any other', () => {
    const [model, other] = [ranker(), ranker()];
    torch.noGrad(() => model.getParameter('stack.0.weight').zero_());
    other.loadStateDict(model.stateDict());
    const x = toTensor(ids);
    expect(other.eval().forward(x).tolist()).toEqual(model.eval().forward(x).tolist());
    model.to('float64');
    expect(model.forward(x).dtype).toBe('float64');
    expect(model.getBuffer('shift').dtype).toBe('float64');
    expect(model.getParameter('stack.0.weight').dtype).toBe('float64');
  });

  test('mode and submodules are those of the script', () => {
    const model = ranker();
    expect(model.training).toBe(true);
    const stack = model.getSubmodule('stack') as torch.jit.ScriptModule;
    expect(stack.originalName).toBe('Sequential');
    const x = torch.ones([64, 4]);
    const runs = () => [1, 2].map(() => JSON.stringify(stack.forward(x).tolist()));
    const [first, second] = runs();
    expect(first).not.toBe(second);
    model.eval();
    expect(new Set(runs()).size).toBe(1);
    expect(model.getParameter('again.weight')).toBe(model.getParameter('norm.weight'));
  });

  test('noGrad holds inside, and only load makes them', () => {
    const model = ranker();
    expect(torch.noGrad(() => model.forward(toTensor(ids))).requiresGrad).toBe(false);
    expect(() => new torch.jit.ScriptModule(1, undefined as never)).toThrow(ArgumentError);
  });
});
