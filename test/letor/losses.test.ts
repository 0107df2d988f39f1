/** Losses of rankers: to the bit those of PyTorch, by hand, and by finite differences. */
import { describe, expect, test } from '@jest/globals';
import {
  batchwise,
  bceWithLog,
  binaryCrossEntropy,
  distillation,
  pairwise,
  pointwise,
  ScorerOutputType,
} from '../../lib/letor/index.ts';
import { tensor } from '../../lib/torch/factories.ts';
import * as functional from '../../lib/torch/nn/functional.ts';
import { tidy } from '../../lib/torch/scope.ts';
import type { Tensor } from '../../lib/torch/tensor.ts';
import { expectBitEqual, expectClose, loadFixture, type TensorEntry, toTensor } from '../support/fixtures.ts';

const { REAL, PROBABILITY, LOG_PROBABILITY } = ScorerOutputType;

const LOSSES: Readonly<Record<string, (scores: Tensor, wanted: Tensor, kind: ScorerOutputType) => Tensor>> = {
  'point-mse': (s, w) => new pointwise.MSELoss().compute(s, w),
  'point-bce': (s, w, kind) => new pointwise.BinaryCrossEntropyLoss().compute(s, w, kind),
  'pair-cross-entropy': (s) => new pairwise.CrossEntropyLoss().compute(s),
  'pair-hinge': (s) => new pairwise.HingeLoss().compute(s),
  'pair-pointwise-cross-entropy': (s, _, kind) => new pairwise.PointwiseCrossEntropyLoss().compute(s, kind),
  'batch-bce': (s, w, kind) => new batchwise.CrossEntropyLoss().compute(s, w, kind),
  'batch-ce': (s, w) => new batchwise.SoftmaxCrossEntropy().compute(s, w),
  'info-nce': (s, w) => new batchwise.InfoNCELoss({ temperature: 0.25 }).compute(s, w),
  'info-nce-both': (s, w) =>
    new batchwise.InfoNCELoss({ temperature: 0.25, bothDirections: true }).compute(s, w),
  'pairwise-delta-MSE': (s, w) => new distillation.MSEDifferenceLoss().compute(s, w),
  'pairwise-Distil-KL': (s, w) => new distillation.DistillationKLLoss().compute(s, w),
};

type Case = Readonly<Record<'scores' | 'value' | 'grad', TensorEntry>> & { readonly wanted?: TensorEntry };
const recorded = Object.entries(loadFixture<Record<string, Case>>('letor.json.gz'));
/** PyTorch picks columns where ours weighs them: the sum of a mean is in another order. */
const IN_ANOTHER_ORDER = new Set(['info-nce-both']);

describe('losses', () => {
  test.each(recorded)(
    '%s: value and gradient are those of PyTorch',
    (name, { scores, value, grad, wanted }) => {
      tidy(() => {
        const [loss, kind] = name.split('/') as [string, ScorerOutputType];
        const s = toTensor(scores);
        s.requiresGrad = true;
        const found = LOSSES[loss]!(s, wanted === undefined ? s : toTensor(wanted), kind);
        found.backward();
        const check = IN_ANOTHER_ORDER.has(loss) ? expectClose : expectBitEqual;
        check(found, value);
        check(s.grad!, grad);
      });
    },
  );

  const t = (values: number[][]) => tensor(values, { dtype: 'float64' });

  test('by hand', () => {
    tidy(() => {
      const pairs = t([
        [2, 0],
        [0, 1],
      ]);
      const log = (x: number) => Math.log(1 + Math.exp(-x));
      const item = (loss: Tensor) => Number(loss.item());
      expect(item(new pairwise.CrossEntropyLoss().compute(pairs))).toBeCloseTo((log(2) + log(-1)) / 2, 12);
      expect(item(new pairwise.HingeLoss({ margin: 3 }).compute(pairs))).toBe((1 + 4) / 2);
      expect(item(new pairwise.PointwiseCrossEntropyLoss().compute(pairs, REAL))).toBeCloseTo(
        (log(2) + log(0) + log(0) + log(-1)) / 4,
        12,
      );
      const teacher = t([
        [5, 1],
        [1, 1],
      ]);
      expect(item(new distillation.MSEDifferenceLoss().compute(pairs, teacher))).toBe((4 + 1) / 2);
      const shares = (a: number, b: number) => [a, b].map((x) => Math.exp(x) / (Math.exp(a) + Math.exp(b)));
      const kl = (p: number[], q: number[]) => p.reduce((sum, x, i) => sum + x * Math.log(x / q[i]!), 0);
      expect(item(new distillation.DistillationKLLoss().compute(pairs, teacher))).toBeCloseTo(
        (kl(shares(5, 1), shares(2, 0)) + kl(shares(1, 1), shares(0, 1))) / 2,
        12,
      );
      // ln of what the first and the last have among three.
      const e = Math.exp;
      expect(item(new batchwise.SoftmaxCrossEntropy().compute(t([[1, 2, 3]]), t([[1, 0, 2]])))).toBeCloseTo(
        -Math.log((e(1) + e(3)) / (e(1) + e(2) + e(3))),
        12,
      );
    });
  });

  test('with one relevant document each, info-nce is the cross-entropy that CLIP has', () => {
    tidy(() => {
      const scores = t([
        [3, 1, 0.5],
        [0, 2, 1],
        [-1, 0.25, 0],
      ]);
      const own = tensor(Int32Array.of(0, 1, 2)).to('int64');
      const eye = t([
        [1, 0, 0],
        [0, 1, 0],
        [0, 0, 1],
      ]);
      const { crossEntropy } = functional;
      const scaled = scores.div(0.1);
      const clip =
        (Number(crossEntropy(scaled, own).item()) + Number(crossEntropy(scaled.t(), own).item())) / 2;
      const ours = new batchwise.InfoNCELoss({ temperature: 0.1, bothDirections: true });
      expect(Number(ours.compute(scores, eye).item())).toBeCloseTo(clip, 12);
    });
  });

  test('lists of different lengths count the same as each alone', () => {
    tidy(() => {
      const loss = new distillation.ListwiseKLLoss();
      const none = (width: number) => t([Array.from({ length: width }, () => 0)]).to('bool');
      const long = Number(loss.compute(t([[1, 2, 4]]), t([[3, 1, 2]]), none(3)).item());
      const short = Number(loss.compute(t([[1, 2]]), t([[3, 1]]), none(2)).item());
      const student = t([
        [1, 2, 4],
        [1, 2, 7],
      ]);
      student.requiresGrad = true;
      const teacher = t([
        [3, 1, 2],
        [3, 1, 9],
      ]);
      const missing = t([
        [0, 0, 0],
        [0, 0, 1],
      ]).to('bool');
      const both = loss.compute(student, teacher, missing);
      expect(Number(both.item())).toBeCloseTo((long + short) / 2, 12);
      both.backward();
      const [, [, , unseen]] = student.grad!.tolist() as [number[], number[]];
      expect(unseen).toBe(0);
    });
  });
});

describe('binary cross-entropy of logarithms of probabilities', () => {
  const targets = [0, 1, 0.3, 0, 1, 0, 0];
  const logs = [-1e-3, -0.5, -0.69, -0.7, -3, -25, -1e-9];

  test('its gradient is what the value does between two points', () => {
    tidy(() => {
      const l = tensor(logs, { dtype: 'float64' });
      l.requiresGrad = true;
      const wanted = tensor(targets, { dtype: 'float64' });
      bceWithLog(l, wanted).backward();
      const grad = l.grad!.tolist() as number[];
      for (const [i, at] of logs.entries()) {
        const h = Math.abs(at) * 1e-5;
        const value = (x: number) =>
          Number(
            bceWithLog(
              tensor(
                logs.map((each, j) => (i === j ? x : each)),
                { dtype: 'float64' },
              ),
              wanted,
            ).item(),
          );
        const numeric = (value(at + h) - value(at - h)) / (2 * h);
        expect(Math.abs(grad[i]! - numeric)).toBeLessThanOrEqual(1e-6 * Math.max(1e-3, Math.abs(numeric)));
      }
    });
  });

  test('is that of the probabilities, and of logits where these are large', () => {
    tidy(() => {
      const logits = tensor([-60, -20, -5, 0, 5, 20, 25], { dtype: 'float64' });
      const wanted = tensor(targets, { dtype: 'float64' });
      const byLogits = Number(binaryCrossEntropy(REAL, logits, wanted).item());
      const byLogs = Number(
        binaryCrossEntropy(LOG_PROBABILITY, functional.logsigmoid(logits), wanted).item(),
      );
      expect(byLogs).toBeCloseTo(byLogits, 9);
      const some = tensor([-2, -1, 0.5, 1, 2, 3, -3], { dtype: 'float64' });
      expect(
        Number(binaryCrossEntropy(LOG_PROBABILITY, functional.logsigmoid(some), wanted).item()),
      ).toBeCloseTo(Number(binaryCrossEntropy(PROBABILITY, some.sigmoid(), wanted).item()), 12);
    });
  });

  test.each(['float32', 'float64'] as const)(
    'certain mistakes are finite and still learnt from, in %s',
    (dtype) => {
      tidy(() => {
        const l = tensor([0, 0, -100, -100], { dtype });
        l.requiresGrad = true;
        const loss = bceWithLog(l, tensor([0, 1, 0, 1], { dtype }));
        loss.backward();
        expect(Number(loss.item())).toBeCloseTo((12 * Math.LN10 + 100) / 4, 4);
        const [wrong, right, far, missed] = l.grad!.tolist() as number[];
        expect(wrong! / 0.25e12).toBeCloseTo(1, 3);
        expect([right, missed]).toEqual([-0.25, -0.25]);
        expect(far).toBeCloseTo(0, 40);
      });
    },
  );
});
