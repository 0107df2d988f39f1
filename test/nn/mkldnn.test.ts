/** Models whose linear layers are computed by oneDNN. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import * as torch from '../../lib/torch/index.ts';
import type { EncoderCall, EncoderOutput, LogitsOutput } from '../../lib/transformers/index.ts';
import { callOf, classOf, first, fixture, folderOf } from '../transformers/models.ts';

const { nn } = torch;
const { toMkldnn } = torch.utils.mkldnn;
beforeAll(() => torch.setNumThreads(1));

describe('toMkldnn', () => {
  test('is a copy of the module for evaluation, with other linear layers', () => {
    const shared = new nn.Linear(4, 4, { bias: false });
    const model = new nn.Sequential(shared, new nn.Dropout(0.5), shared, new nn.Linear(4, 2));
    const fast = toMkldnn(model);
    expect(String(fast)).toBe(
      [
        'Sequential(',
        '  (0): MkldnnLinear(in_features=4, out_features=4, bias=False)',
        '  (1): Dropout(p=0.5, inplace=False)',
        '  (2): MkldnnLinear(in_features=4, out_features=4, bias=False)',
        '  (3): MkldnnLinear(in_features=4, out_features=2, bias=True)',
        ')',
      ].join('\n'),
    );
    expect(fast.at(0)).toBe(fast.at(2));
    expect([fast.training, model.training]).toEqual([false, true]);
    expect(model.at(0)).toBe(shared);
    const x = torch.randn([3, 4]);
    const wanted = model.eval().forward(x);
    torch.noGrad(() => shared.weight.zero_());
    expect(fast.forward(x).allclose(wanted, { rtol: 1e-5, atol: 1e-6 })).toBe(true);
  });

  test('of a layer alone, for inputs of any rank', () => {
    const layer = new nn.Linear(5, 3);
    const fast = toMkldnn(layer);
    for (const shape of [[5], [2, 5], [0, 5], [2, 3, 5]]) {
      const x = torch.randn(shape);
      expect(fast.forward(x).allclose(layer.forward(x), { rtol: 1e-5, atol: 1e-6 })).toBe(true);
    }
  });

  test('has no gradients, and says so', () => {
    const fast = toMkldnn(new nn.Linear(2, 2));
    const x = torch.ones([1, 2], { requiresGrad: true });
    expect(() => fast.forward(x)).toThrow(
      'Expected an input that needs no gradient for MkldnnLinear: call it in torch.noGrad',
    );
    expect(torch.noGrad(() => fast.forward(x)).shape).toEqual([1, 2]);
    expect(fast.parameters()).toEqual([]);
  });

  test('refuses what oneDNN is not given here', () => {
    expect(() => toMkldnn(new nn.Linear(2, 2, { dtype: 'float64' }))).toThrow(
      'Expected float32 on the CPU for weight but received "float64 on cpu"',
    );
    expect(() => toMkldnn(new nn.Linear(2, 2)).forward(torch.ones([1, 3]))).toThrow(
      'Expected a tensor of shape [N, 3]',
    );
  });

  test('a function over it is compiled', async () => {
    const warnings: string[] = [];
    const fast = toMkldnn(new nn.Sequential(new nn.Linear(4, 4), new nn.GELU(), new nn.Linear(4, 2)));
    const score = torch.compile((x: torch.Tensor) => torch.noGrad(() => fast.forward(x)), {
      warn: (message) => warnings.push(message),
      name: 'scores',
    });
    const x = torch.randn([3, 4]);
    const wanted = fast.forward(x).tolist();
    for (let i = 0; i < 6; i++) expect((await score(x)).tolist()).toEqual(wanted);
    expect(warnings).toEqual([]);
  });
});

test.each(fixture.models.map((one) => [one.architecture, one] as const))(
  'states of %s are the same within 1e-5',
  async (architecture, one) => {
    const model = (await classOf(architecture).fromPretrained(folderOf(one))).eval();
    const fast = toMkldnn(
      model as typeof model & { forward(call: EncoderCall): EncoderOutput | LogitsOutput },
    );
    const call = callOf(one.runs.padded!.call);
    const states = (each: typeof fast) => torch.noGrad(() => first(each.forward(call)));
    expect(states(fast).sub(states(model)).abs().max().item()).toBeLessThan(1e-5);
  },
);

test('operators that fuse a linear layer are given shapes that fit', () => {
  const { _linear_pointwise: run } = torch.ops.mkldnn as Record<string, never>;
  const call = run as unknown as ((...args: unknown[]) => torch.Tensor) & {
    binary(...args: unknown[]): torch.Tensor;
  };
  const [x, w] = [torch.ones([2, 4]), torch.ones([3, 4])];
  const none = ['none', [], ''] as const;
  expect(call(x, w, null, 'leaky_relu', [0.5], '').tolist()).toEqual([
    [4, 4, 4],
    [4, 4, 4],
  ]);
  expect(() => call(x, torch.ones([3, 4, 4]), null, ...none)).toThrow(
    'Expected a tensor of shape [N, 4] for W',
  );
  expect(() => call(torch.ones([]), w, null, ...none)).toThrow(
    'Expected a tensor of at least one dimension for X',
  );
  expect(() => call(x, w, torch.ones([]), ...none)).toThrow('Expected a tensor of shape [3] for B');
  expect(() => call(x, w, null, 'hardtanh', [null, null], '')).toThrow('two scalar input');
  expect(() => call.binary(x, torch.ones([1, 3]), w, null, 'add')).toThrow('the shape of the result');
});
