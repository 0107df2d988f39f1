/** Small models over made-up texts, and what Python computes with their weights. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from '@jest/globals';
import type { Document, Topic } from '../../lib/ir/types.ts';
import type { Module } from '../../lib/learning/module.ts';
import { initializeModel, ModuleInitMode } from '../../lib/learning/module.ts';
import { type ScoredPairs, TrainedWordEmbeddings, Vocabulary } from '../../lib/letor/index.ts';
import { tensor } from '../../lib/torch/factories.ts';
import { loadSafetensors, saveSafetensors } from '../../lib/torch/io/safetensors.ts';
import { manualSeed } from '../../lib/torch/random.ts';
import { Tensor } from '../../lib/torch/tensor.ts';
import {
  AutoModel,
  AutoModelForMaskedLM,
  AutoModelForSequenceClassification,
} from '../../lib/transformers/auto.ts';
import { runPython } from '../support/python.ts';
import { writeTokenizer } from '../support/tokenizers.ts';

const root = mkdtempSync(join(tmpdir(), 'xpmir-letor-'));
afterAll(() => rmSync(root, { recursive: true }));

export const newFolder = (): string => mkdtempSync(join(root, 'folder-'));

const WORDS = 'river bank money water loan fish credit boat interest stream rate flow account sea cash'.split(
  ' ',
);

/** Numbers from 0 to `bound` - 1, always the same. */
export function numbers(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (state * 1103515245 + 12345) % 2 ** 31;
    return Math.floor((state / 2 ** 31) * bound);
  };
}

export function someText(draw: (bound: number) => number, length: number): string {
  return Array.from({ length }, () => WORDS[draw(WORDS.length)]).join(' ');
}

export function someTopics(count: number, seed = 1): Topic[] {
  const draw = numbers(seed);
  return Array.from({ length: count }, (_, i) => ({ id: `q${i}`, text: someText(draw, 1 + draw(5)) }));
}

export function someDocuments(count: number, seed = 2): Document[] {
  const draw = numbers(seed);
  return Array.from({ length: count }, (_, i) => ({ id: `d${i}`, text: someText(draw, 1 + draw(20)) }));
}

/** Some pairs, others than all, of three topics and five documents. */
export const somePairs: ScoredPairs = {
  topics: someTopics(3),
  documents: someDocuments(5),
  pairs: { topicIndices: Int32Array.of(0, 0, 1, 2, 2, 1), documentIndices: Int32Array.of(0, 3, 1, 4, 2, 0) },
};

export async function someEmbeddings(dim = 8): Promise<TrainedWordEmbeddings> {
  const texts = someDocuments(40).map(({ text }) => text);
  const vocabulary = await Vocabulary.build(texts, { file: join(newFolder(), 'vocabulary.json') });
  return new TrainedWordEmbeddings({ vocabulary, dim });
}

export async function initialized<M extends Module>(model: M, seed = 5): Promise<M> {
  manualSeed(seed);
  await initializeModel(model, { mode: ModuleInitMode.DEFAULT });
  return model;
}

const AUTO = {
  encoder: AutoModel,
  classifier: AutoModelForSequenceClassification,
  maskedLM: AutoModelForMaskedLM,
};

/** A folder with a tokenizer of 1500 tokens and a model with weights that were drawn. */
export async function modelFolder(kind: keyof typeof AUTO, config: object = {}): Promise<string> {
  const folder = newFolder();
  writeTokenizer(folder, 'wordpiece');
  manualSeed(11);
  const model = AUTO[kind].fromConfig({
    model_type: 'bert',
    vocab_size: 1500,
    hidden_size: 16,
    num_hidden_layers: 2,
    num_attention_heads: 2,
    intermediate_size: 32,
    max_position_embeddings: 64,
    hidden_dropout_prob: 0,
    attention_probs_dropout_prob: 0,
    initializer_range: 0.5,
    num_labels: 1,
    ...config,
  });
  await model.savePretrained(folder);
  return folder;
}

/** Runs a function `compute(name)` of a program for tensors by name, and gives the tensors that it told for each. */
export async function inPython(
  program: string,
  tensors: ReadonlyMap<string, ReadonlyMap<string, Tensor>>,
): Promise<Map<string, Map<string, Tensor>>> {
  const folder = newFolder();
  const names = [...tensors.keys()];
  for (const [i, name] of names.entries()) await saveSafetensors(join(folder, `${i}`), tensors.get(name)!);
  runPython(
    `${PRELUDE}\n${program}\nfor index, name in enumerate(sys.argv[2:]): run(index, name)`,
    folder,
    ...names,
  );
  const told = await Promise.all(names.map((_, i) => loadSafetensors(join(folder, `${i}`))));
  return new Map(names.map((name, i) => [name, told[i]!]));
}

const PRELUDE = `
import sys
import torch
from torch import nn
from torch.nn import functional as F
from safetensors.torch import load_file, save_file

torch.set_num_threads(1)
given, told = {}, {}
part = lambda prefix: {name[len(prefix):]: value for name, value in given.items() if name.startswith(prefix)}

def run(index, name):
    given.clear(), told.clear()
    given.update(load_file(f"{sys.argv[1]}/{index}"))
    compute(name)
    save_file({name: value.detach().contiguous().clone() for name, value in told.items()}, f"{sys.argv[1]}/{index}")

def learn(model, scores):
    """Scores, and the gradients of what depends on each of them otherwise."""
    told["scores"] = scores
    (scores * torch.arange(1, scores.numel() + 1)).sum().backward()
    told.update({f"grad.{name}": each.grad for name, each in model.named_parameters() if each.grad is not None})
`;

/** State and inputs under the names that Python finds them by. */
export function given(model: Module, inputs: object): Map<string, Tensor> {
  const state = [...model.stateDict()].map(([name, tensor]) => [`state.${name}`, tensor] as const);
  return new Map([...state, ...named(inputs, 'input')]);
}

function named(value: unknown, name: string): (readonly [string, Tensor])[] {
  if (value instanceof Tensor) return [[name, value]];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, below]) => named(below, `${name}.${key}`));
}

/** What `learn` tells in Python. */
export function learnt(model: Module, scores: Tensor): Record<string, unknown> {
  const weights = Array.from({ length: scores.numel() }, (_, i) => i + 1);
  scores.mul(tensor(weights)).sum().backward();
  const gradients = model
    .namedParameters()
    .filter(([, { grad }]) => grad !== null)
    .map(([name, { grad }]) => [`grad.${name}`, grad!.tolist()] as const);
  return { scores: scores.tolist(), ...Object.fromEntries(gradients) };
}

export const lists = (tensors: ReadonlyMap<string, Tensor>): Record<string, unknown> =>
  Object.fromEntries([...tensors].map(([name, tensor]) => [name, tensor.tolist()]));
