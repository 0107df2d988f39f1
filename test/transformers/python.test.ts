/** The same models in Python in one run, of shapes too large to record, and our folders read by Python. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect } from '@jest/globals';
import { F } from '../../lib/torch/functions.ts';
import { loadSafetensors } from '../../lib/torch/io/safetensors.ts';
import { noGrad } from '../../lib/torch/modes.ts';
import { AdamW } from '../../lib/torch/optim/index.ts';
import { manualSeed } from '../../lib/torch/random.ts';
import { tidy } from '../../lib/torch/scope.ts';
import type { Tensor } from '../../lib/torch/tensor.ts';
import { setNumThreads } from '../../lib/torch/threads.ts';
import { itPython, python, sameTorch } from '../support/python.ts';
import { classOf, first, fixture, newFolder } from './models.ts';

const program = fileURLToPath(new URL('compare.py', import.meta.url));

const itTransformers = itPython({ ...sameTorch, transformers: undefined });
beforeAll(() => setNumThreads(1));

const MINI = { hidden_size: 256, num_hidden_layers: 4, num_attention_heads: 4, intermediate_size: 1024 };
const BASE = { hidden_size: 768, num_hidden_layers: 12, num_attention_heads: 12, intermediate_size: 3072 };

/** A configuration of a family in the shape that is asked for. */
function configOf(architecture: string, shape: typeof MINI): Record<string, unknown> {
  const common = { vocab_size: 2000, num_labels: 3, max_position_embeddings: 66, pad_token_id: 0 };
  const tokens = { bos_token_id: 1, eos_token_id: 2, cls_token_id: 1, sep_token_id: 2 };
  if (architecture.startsWith('DistilBert')) {
    const { hidden_size: dim, num_hidden_layers, num_attention_heads: n_heads, intermediate_size } = shape;
    return {
      model_type: 'distilbert',
      ...common,
      dim,
      n_layers: num_hidden_layers,
      n_heads,
      hidden_dim: intermediate_size,
    };
  }
  if (architecture.startsWith('ModernBert'))
    return { model_type: 'modernbert', ...common, ...tokens, ...shape, local_attention: 8 };
  if (architecture.startsWith('Electra'))
    return { model_type: 'electra', ...common, ...shape, embedding_size: 128 };
  if (architecture.startsWith('Bert')) return { model_type: 'bert', ...common, ...shape };
  const model_type = architecture.startsWith('XLM') ? 'xlm-roberta' : 'roberta';
  return { model_type, ...common, ...shape, pad_token_id: 1, type_vocab_size: 1 };
}

interface Job {
  readonly folder: string;
  readonly architecture: string;
  readonly config?: Record<string, unknown>;
  readonly steps?: number;
}

/** One Python for all, as it takes seconds to start. */
function run(jobs: readonly Job[]): void {
  execFileSync(python, [program, JSON.stringify(jobs)], { stdio: ['ignore', 'ignore', 'pipe'] });
}

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
      const config = configOf(architecture, MINI);
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
      return { folder: newFolder(), architecture, config: configOf(architecture, BASE) };
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
      const model = classOf(architecture).fromConfig({ ...configOf(architecture, MINI), ...floats });
      await model.savePretrained(job.folder, { maxShardBytes: 4e6 });
      jobs.push(job);
    }
    run(jobs);
    // Python computes with weights that it maps from files, where kernels for one row may round otherwise.
    for (const job of jobs) await expectSame(job, 1e-6);
  },
  600_000,
);
