/** Which mask attention gets, and models called without JavaScript. */
import { beforeAll, expect, test } from '@jest/globals';
import { compile } from '../../lib/torch/compile/compile.ts';
import { F } from '../../lib/torch/functions.ts';
import { noGrad } from '../../lib/torch/modes.ts';
import { tidy } from '../../lib/torch/scope.ts';
import type { Tensor } from '../../lib/torch/tensor.ts';
import { setNumThreads } from '../../lib/torch/threads.ts';
import { BertForSequenceClassification, type EncoderCall } from '../../lib/transformers/index.ts';
import { callOf, folderOf, recorded } from './models.ts';

beforeAll(() => setNumThreads(1));

const one = recorded('BertForSequenceClassification');
const padded = callOf(one.runs.padded!.call);
const whole = callOf(one.runs['a mask that hides nothing']!.call);

test('a mask is looked at in evaluation alone, unless it is said what it hides', async () => {
  const model = (
    await BertForSequenceClassification.fromPretrained(folderOf(one), {
      config: { hidden_dropout_prob: 0, attention_probs_dropout_prob: 0 },
    })
  ).eval();
  const logits = (call: EncoderCall) => tidy(() => noGrad(() => model.forward(call).logits.tolist()));
  const masked = logits({ ...whole, isPadded: true });
  const bare = logits({ ...whole, attentionMask: null });
  expect(logits(whole)).toEqual(bare);
  expect(logits({ ...whole, isPadded: false })).toEqual(bare);
  expect(logits({ ...padded, isPadded: true })).toEqual(logits(padded));
  expect(logits({ ...padded, attentionMask: padded.attentionMask!.to({ dtype: 'bool' }) })).toEqual(
    logits(padded),
  );
  model.train();
  expect(logits(whole)).toEqual(masked);
  expect(logits({ ...whole, isPadded: false })).toEqual(bare);
});

test('what padding holds does not matter', async () => {
  const model = (await BertForSequenceClassification.fromPretrained(folderOf(one))).eval();
  const logits = (inputIds: Tensor) =>
    tidy(() => noGrad(() => model.forward({ ...padded, inputIds }).logits.tolist()));
  const other = F.where(
    padded.attentionMask!.to({ dtype: 'bool' }),
    padded.inputIds,
    F.fullLike(padded.inputIds, 9),
  );
  expect(logits(other)).toEqual(logits(padded.inputIds));
});

test('a model is compiled as a function', async () => {
  const model = (await BertForSequenceClassification.fromPretrained(folderOf(one))).eval();
  const warnings: string[] = [];
  const fast = compile(
    (inputIds: Tensor, attentionMask: Tensor) =>
      noGrad(() => model.forward({ inputIds, attentionMask, isPadded: true }).logits),
    { warn: (message) => warnings.push(message), name: 'scores' },
  );
  const { inputIds, attentionMask } = padded;
  const wanted = tidy(() =>
    noGrad(() => model.forward({ inputIds, attentionMask: attentionMask! }).logits.tolist()),
  );
  for (let i = 0; i < 6; i++) expect((await fast(inputIds, attentionMask!)).tolist()).toEqual(wanted);
  expect(warnings).toEqual([]);
});
