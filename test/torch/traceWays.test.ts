/** Which ways of a model a trace takes: by sizes below those of the examples, and by the mode of the caller. */
import { beforeAll, expect, test } from '@jest/globals';
import * as torch from '../../lib/torch/index.ts';

beforeAll(() => torch.setNumThreads(1));

const { nn } = torch;
type Tensor = torch.Tensor;

const never = { warn: (message: string) => expect(message).toBe('never') };

test('a branch on a size that is smaller than the examples is told, with the size', () => {
  const told: string[] = [];
  const options = { warn: (message: string) => told.push(message) };
  const factor = (a: Tensor) => (a.shape[0] === 1 ? a.mul(2) : a.mul(3));
  // Zeros times anything are the same: what is called counts, not what came out.
  const script = torch.jit.trace(factor, [torch.zeros([4, 3])], options);
  expect(told).toEqual([expect.stringMatching(/^factor has numbers for arguments of \[1, 3\] that do not/)]);
  expect(script.forward(torch.ones([7, 2])).equal(torch.full([7, 2], 3))).toBe(true);
  told.length = 0;
  const operator = (a: Tensor, b: Tensor) => (a.shape[1] === 2 ? a.mul(b).abs() : a.mul(b).neg());
  torch.jit.trace(operator, [torch.ones([3, 6]), torch.ones([3, 6])], options);
  expect(told).toEqual([
    expect.stringMatching(
      /aten::neg was called, and then aten::abs in its place, for arguments of \[3, 2\], \[3, 2\]\./,
    ),
  ]);
  told.length = 0;
  const oneShorter = (a: Tensor) => a.mul(a.shape[0] === 5 ? 2 : 3);
  torch.jit.trace(oneShorter, [torch.ones([6])], options);
  expect(told).toEqual([expect.stringContaining('[5]')]);
});

test('a size for which the model fails is no warning', () => {
  const convolution = new nn.Conv1d(2, 2, 3);
  const x = torch.randn([3, 2, 6]);
  expect(torch.jit.trace(convolution, [x], never).forward(x).equal(convolution.forward(x))).toBe(true);
});

test('is traced as it computes in the mode of the caller', () => {
  torch.manualSeed(4);
  const layer = new nn.TransformerEncoderLayer(16, 2, { dimFeedforward: 32, batchFirst: true });
  const model = new nn.TransformerEncoder(layer, 2).eval() as unknown as torch.nn.Module & {
    forward(x: Tensor): Tensor;
  };
  const x = torch.randn([3, 5, 16]);
  expect(
    torch.jit
      .trace(model, [x], never)
      .forward(x)
      .equal(model.forward(x) as Tensor),
  ).toBe(true);
  torch.noGrad(() => {
    const script = torch.jit.trace(model, [x], never);
    expect(script.forward(x).equal(model.forward(x) as Tensor)).toBe(true);
    expect(script.inlinedGraph).toContain('_transformer_encoder_layer_fwd');
  });
});
