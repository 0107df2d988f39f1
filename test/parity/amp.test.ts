/** Autocast and GradScaler against PyTorch's, recorded by scripts/fixtures/amp.py. */

import { beforeAll, describe, expect, test } from '@jest/globals';
import * as torch from '../../lib/torch/index.ts';
import { loadFixture } from '../support/fixtures.ts';

const { nn } = torch;
type Narrow = 'bfloat16' | 'float16';

interface Recorded {
  readonly policies: Readonly<Record<'float32' | Narrow, Readonly<Record<string, string>>>>;
  readonly training: {
    readonly losses: readonly string[];
    readonly norms: readonly string[];
    readonly scales: readonly number[];
    readonly state: Readonly<Record<string, number>>;
  };
}

const fixture = loadFixture<{ seed: number } & Readonly<Record<Narrow, Recorded>>>('amp.json');
const NARROW: readonly Narrow[] = ['bfloat16', 'float16'];

beforeAll(() => torch.setNumThreads(1));

function calls(given: torch.DType, dtype: Narrow): Record<string, string> {
  return torch.tidy(() => {
    const { functional } = nn;
    const rand = (...shape: number[]) => torch.rand(shape).to(given);
    const [x, w, b] = [rand(4, 4), rand(4, 4), rand(4, 4)];
    const [image, kernel] = [rand(1, 2, 6, 6), rand(3, 2, 3, 3)];
    const labels = torch.tensor([0, 1, 2, 3], { dtype: 'int64' });
    const results = torch.autocast(
      'cpu',
      () => ({
        mm: x.mm(w),
        linear: functional.linear(x, w),
        addmm: torch.addmm(b, x, w),
        conv2d: functional.conv2d(image, kernel),
        softmax: x.softmax(1),
        logSoftmax: x.logSoftmax(1),
        crossEntropy: functional.crossEntropy(x, labels),
        mseLoss: functional.mseLoss(x, w),
        layerNorm: functional.layerNorm(x, [4]),
        exp: x.exp(),
        sum: x.sum(),
        gelu: functional.gelu(x),
        add: x.add(w),
        mixed: x.mm(w).add(torch.rand([4, 4])),
        cat: torch.cat([x, w.to('float32')]),
        disabled: torch.autocast('cpu', () => x.to('float32').mm(w.to('float32')), { enabled: false }),
      }),
      { dtype },
    );
    return Object.fromEntries(Object.entries(results).map(([name, value]) => [name, value.dtype]));
  });
}

function train(dtype: Narrow) {
  torch.manualSeed(fixture.seed);
  const model = new nn.Sequential(
    new nn.Linear(8, 16),
    new nn.GELU(),
    new nn.LayerNorm(16),
    new nn.Linear(16, 1),
  );
  const optimizer = new torch.optim.AdamW(model.parameters(), { lr: 1e-2 });
  const scaler = new torch.GradScaler('cpu', {
    initScale: 1024,
    growthInterval: 5,
    enabled: dtype === 'float16',
  });
  const losses: number[] = [];
  const norms: number[] = [];
  const scales: number[] = [];
  for (let step = 0; step < 30; step++) {
    torch.tidy(() => {
      const x = torch.rand([16, 8]);
      const y = x.sum([1], { keepdim: true });
      optimizer.zeroGrad();
      let loss = torch.autocast('cpu', () => nn.functional.mseLoss(model.forward(x) as torch.Tensor, y), {
        dtype,
      });
      if (step === 10 && scaler.isEnabled()) loss = loss.mul(Number.POSITIVE_INFINITY);
      scaler.scale(loss).backward();
      scaler.unscale_(optimizer);
      norms.push(nn.utils.clipGradNorm_(model.parameters(), 1).item());
      scaler.step(optimizer);
      scaler.update();
      losses.push(loss.item());
      scales.push(scaler.getScale());
    });
  }
  return { losses, norms, scales, state: scaler.stateDict() };
}

/** Python's text of a number. */
const parsed = (text: string) => Number(text.replace('inf', 'Infinity').replace('nan', 'NaN'));

describe.each(NARROW)('%s', (dtype) => {
  test.each(['float32', dtype] as const)('every operator computes in the same dtype, from %s', (given) => {
    expect(calls(given, dtype)).toEqual(fixture[dtype].policies[given]);
  });

  test('a training loses the same, and its scaler lives the same', () => {
    const ours = train(dtype);
    const { losses, norms, scales, state } = fixture[dtype].training;
    expect(ours.scales).toEqual(scales);
    expect(ours.state).toEqual(state);
    for (const [i, loss] of ours.losses.entries()) {
      const wanted = parsed(losses[i] as string);
      if (!Number.isFinite(wanted)) expect(loss).toBe(wanted);
      else expect(Math.abs(loss - wanted)).toBeLessThanOrEqual(0.02 * wanted + 1e-3);
      if (Number.isFinite(parsed(norms[i] as string)))
        expect(ours.norms[i]).toBeCloseTo(parsed(norms[i] as string), 0);
    }
  });
});

describe('autocast', () => {
  test('follows the flow through await, and no other flow notices', async () => {
    const dtypes: string[] = [];
    const product = () => torch.tidy(() => torch.ones([2, 2]).mm(torch.ones([2, 2])).dtype);
    await Promise.all([
      torch.autocast('cpu', async () => {
        await new Promise((resolve) => setTimeout(resolve, 5));
        dtypes.push(`inside ${product()} ${torch.isAutocastEnabled('cpu')} ${torch.getAutocastDtype('cpu')}`);
      }),
      new Promise<void>((resolve) => {
        setTimeout(() => {
          dtypes.push(`outside ${product()} ${torch.isAutocastEnabled('cpu')}`);
          resolve();
        }, 3);
      }),
    ]);
    expect(dtypes).toEqual(['outside float32 false', 'inside bfloat16 true bfloat16']);
  });

  test('casts a weight anew once it has changed', () => {
    torch.tidy(() => {
      const weight = new nn.Parameter(torch.ones([2, 2]));
      const product = () => torch.autocast('cpu', () => torch.ones([1, 2]).mm(weight).sum().item());
      expect(product()).toBe(4);
      torch.noGrad(() => weight.mul_(3));
      expect(product()).toBe(12);
    });
  });

  test('a cast made without a graph is not used where one is recorded', () => {
    torch.tidy(() => {
      const weight = new nn.Parameter(torch.ones([2, 2]));
      const x = torch.ones([1, 2]);
      torch.autocast('cpu', () => {
        torch.noGrad(() => x.mm(weight));
        x.mm(weight).sum().backward();
      });
      expect(weight.grad?.tolist()).toEqual([
        [1, 1],
        [1, 1],
      ]);
    });
  });

  test('a checkpoint recomputes as it computed', () => {
    torch.tidy(() => {
      const weight = new nn.Parameter(torch.rand([4, 4]));
      const seen: string[] = [];
      const y = torch.autocast('cpu', () =>
        torch.checkpoint(
          (x) => {
            const product = x!.mm(weight);
            seen.push(product.dtype);
            return product;
          },
          [torch.rand([2, 4])],
        ),
      );
      y.to('float32').sum().backward();
      expect(seen).toEqual(['bfloat16', 'bfloat16']);
    });
  });

  test('names what it does not take', () => {
    const run = (...args: unknown[]) => (torch.autocast as (...args: unknown[]) => unknown)(...args);
    expect(() => run('tpu', () => 1)).toThrow("Expected 'cpu' or 'cuda' for device but received \"tpu\"");
    expect(() => run('cpu', () => 1, { dtype: 'float32' })).toThrow(
      "Expected 'bfloat16' or 'float16' for dtype",
    );
    expect(() => run('cpu', 3)).toThrow('Expected a function for fn but received 3');
  });
});

describe('GradScaler', () => {
  test('a state goes on in another scaler', () => {
    const scaler = new torch.GradScaler('cpu', { initScale: 8, growthInterval: 3 });
    const parameter = new nn.Parameter(torch.ones([1]));
    const optimizer = new torch.optim.SGD([parameter], { lr: 0.1 });
    const step = (by: torch.GradScaler) => {
      optimizer.zeroGrad();
      torch.tidy(() => by.scale(parameter.sum()).backward());
      const stepped = by.step(optimizer);
      by.update();
      return stepped;
    };
    expect([step(scaler), step(scaler)]).toEqual([true, true]);
    const other = new torch.GradScaler('cpu');
    other.loadStateDict(scaler.stateDict());
    expect(other.getScale()).toBe(8);
    step(other);
    expect(other.getScale()).toBe(16);
    expect(parameter.item()).toBeCloseTo(0.7, 6);
  });

  test('misuse is told as PyTorch tells it', () => {
    const scaler = new torch.GradScaler('cpu');
    const parameter = new nn.Parameter(torch.ones([1]));
    const optimizer = new torch.optim.SGD([parameter], { lr: 0.1 });
    expect(() => scaler.step(optimizer)).toThrow('scale() to be called before unscale_()');
    torch.tidy(() => scaler.scale(parameter.sum()).backward());
    scaler.unscale_(optimizer);
    expect(() => scaler.unscale_(optimizer)).toThrow('has already been called on this optimizer');
    scaler.step(optimizer);
    expect(() => scaler.step(optimizer)).toThrow('step() has already been called since the last update()');
    scaler.update();
    const idle = new torch.optim.SGD([new nn.Parameter(torch.ones([1]))], { lr: 0.1 });
    expect(() => scaler.step(idle)).toThrow('an optimizer with gradients');
  });

  test('disabled, and for a device that is absent, it does nothing', () => {
    for (const scaler of [new torch.GradScaler('cpu', { enabled: false }), new torch.GradScaler('cuda')]) {
      if (scaler.isEnabled()) continue;
      const x = torch.ones([1]);
      expect(scaler.scale(x)).toBe(x);
      expect(scaler.stateDict()).toEqual({});
      expect(scaler.getScale()).toBe(1);
    }
  });
});
