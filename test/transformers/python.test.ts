/** The same models in Python in one run, of shapes too large to record, and our folders read by Python. */
import { join } from 'node:path';
import { beforeAll, expect } from '@jest/globals';
import { F } from '../../lib/torch/functions.ts';
import { loadSafetensors } from '../../lib/torch/io/safetensors.ts';
import { noGrad } from '../../lib/torch/modes.ts';
import { AdamW } from '../../lib/torch/optim/index.ts';
import { manualSeed } from '../../lib/torch/random.ts';
import { tidy } from '../../lib/torch/scope.ts';
import type { Tensor } from '../../lib/torch/tensor.ts';
import { setNumThreads } from '../../lib/torch/threads.ts';
import { itPython, sameTorch } from '../support/python.ts';
import { configOf, type Job, run, SHAPES } from './classes.ts';
import { classOf, first, fixture, newFolder } from './models.ts';

const itTransformers = itPython({ ...sameTorch, transformers: undefined });
beforeAll(() => setNumThreads(1));

/** That all that Python told of a model is what it computes here. @param most the largest difference */
async function expectSame({ folder, architecture }: Job, most: number): Promise<void> {
  const told = await loadSafetensors(join(folder, 'told.safetensors'));
  const model = (await classOf(architecture).fromPretrained(folder)).eval();
  const [inputIds, attentionMask] = [told.get('input_ids')!, told.get('attention_mask')!];
  const calls = { padded: { inputIds, attentionMask }, unpadded: { inputIds: inputIds.narrow(0, 0, 1) } };
  for (const [name, call] of Object.entries(calls)) {
    tidy(() => {
      const output = noGrad(() => model.forward({ ...call, outputHiddenStates: true }));
      for (const [i, state] of output.hiddenStates!.entries())
        expectWithin(state, told.get(`${name}.state.${i}`)!, most, `${architecture}, ${name} ${i}`);
      expectWithin(first(output), told.get(`${name}.first`)!, most, `${architecture}, ${name}`);
    });
  }
}

function expectWithin(actual: Tensor, wanted: Tensor, most: number, label: string): void {
  const difference = actual.sub(wanted).abs().max().item();
  if (!(difference <= most)) throw new Error(`${label}: differs by ${difference}`);
}

async function expectSameSteps({ folder, architecture, steps }: Job): Promise<void> {
  const told = await loadSafetensors(join(folder, 'told.safetensors'));
  const model = (await classOf(architecture).fromPretrained(folder)).eval();
  const optimizer = new AdamW(model.parameters(), { lr: 1e-4 });
  const call = { inputIds: told.get('input_ids')!, attentionMask: told.get('attention_mask')! };
  const losses: number[] = [];
  for (let step = 0; step < steps!; step++) {
    optimizer.zeroGrad();
    tidy(() => {
      const loss = F.crossEntropyLoss(first(model.forward(call)), told.get('labels')!);
      loss.backward();
      losses.push(loss.item());
    });
    if (step === 0) {
      for (const [name, { grad }] of model.namedParameters())
        expect([name, grad!.equal(told.get(`grad.${name}`)!)]).toEqual([name, true]);
    }
    optimizer.step();
  }
  expect(losses).toEqual(told.get('losses')!.tolist());
}

const architectures = fixture.models.map(({ architecture }) => architecture);

itTransformers(
  'every model of the mini shape that Python made, to the bit: hidden states, gradients, 20 steps of fine-tuning',
  async () => {
    const jobs = architectures.map((architecture): Job => {
      const isTuned = architecture.endsWith('ForSequenceClassification');
      const config = configOf(architecture, SHAPES.mini);
      return { folder: newFolder(), architecture, config, ...(isTuned && { steps: 20 }) };
    });
    run(jobs);
    for (const job of jobs) {
      await expectSame(job, 0);
      if (job.steps !== undefined) await expectSameSteps(job);
    }
  },
  600_000,
);

itTransformers(
  'models of the base shape that Python made, to the bit',
  async () => {
    const jobs = ['BertForMaskedLM', 'ModernBertForSequenceClassification'].map((architecture): Job => {
      return { folder: newFolder(), architecture, config: configOf(architecture, SHAPES.base) };
    });
    run(jobs);
    for (const job of jobs) await expectSame(job, 0);
  },
  600_000,
);

itTransformers(
  'every model that we wrote in shards is read by Python, which computes the same within 1e-6',
  async () => {
    manualSeed(5);
    const jobs: Job[] = [];
    for (const architecture of architectures) {
      const job = { folder: newFolder(), architecture };
      const floats = architecture.startsWith('ModernBert') ? { initializer_cutoff_factor: 3 } : {};
      const model = classOf(architecture).fromConfig({ ...configOf(architecture, SHAPES.mini), ...floats });
      await model.savePretrained(job.folder, { maxShardBytes: 4e6 });
      jobs.push(job);
    }
    run(jobs);
    // Python computes with weights that it maps from files, where kernels for one row may round otherwise.
    for (const job of jobs) await expectSame(job, 1e-6);
  },
  600_000,
);
