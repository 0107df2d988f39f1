/** Models that Python made, as folders and as what they computed. See scripts/fixtures/hugging_face.py. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from '@jest/globals';
import type * as transformers from '../../lib/transformers/index.ts';
import type { RecordedOn } from '../support/cpu.ts';
import { loadFixture, type TensorEntry, toTensor } from '../support/fixtures.ts';

export { classOf, first } from './classes.ts';

export interface RecordedOutput {
  readonly lastHiddenState?: TensorEntry;
  readonly poolerOutput?: TensorEntry;
  readonly logits?: TensorEntry;
  readonly hiddenStates?: readonly TensorEntry[];
}

export interface Run {
  readonly call: Readonly<Record<string, TensorEntry>>;
  readonly output: RecordedOutput;
}

export interface RecordedModel {
  readonly architecture: string;
  /** The text of config.json. */
  readonly config: string;
  /** model.safetensors in base64. */
  readonly weights: string;
  readonly runs: Readonly<Record<string, Run>>;
  readonly grads: Readonly<Record<string, TensorEntry>>;
  readonly trained: Run;
  readonly labels?: TensorEntry;
  readonly losses?: TensorEntry;
}

export const fixture = loadFixture<RecordedOn & { readonly models: readonly RecordedModel[] }>(
  'transformers.json.gz',
);

export const recorded = (architecture: string): RecordedModel =>
  fixture.models.find((one) => one.architecture === architecture)!;

const root = mkdtempSync(join(tmpdir(), 'xpmir-transformers-'));
afterAll(() => rmSync(root, { recursive: true }));
let folders = 0;

export function newFolder(): string {
  folders += 1;
  const folder = join(root, `${folders}`);
  mkdirSync(folder);
  return folder;
}

/** A folder as Python wrote it. */
export function folderOf({ config, weights }: Pick<RecordedModel, 'config' | 'weights'>): string {
  const folder = newFolder();
  writeFileSync(join(folder, 'config.json'), config);
  writeFileSync(join(folder, 'model.safetensors'), Buffer.from(weights, 'base64'));
  return folder;
}

const NAMES: Readonly<Record<string, keyof transformers.EncoderCall>> = {
  input_ids: 'inputIds',
  attention_mask: 'attentionMask',
  token_type_ids: 'tokenTypeIds',
};

export function callOf(entries: Readonly<Record<string, TensorEntry>>): transformers.EncoderCall {
  const named = Object.entries(entries).map(([name, entry]) => [NAMES[name]!, toTensor(entry)] as const);
  return Object.fromEntries(named) as unknown as transformers.EncoderCall;
}

/** The code and message of what is refused. */
export async function message(loading: Promise<unknown>): Promise<string> {
  return loading.then(
    () => 'nothing was refused',
    (error: Error & { code?: string }) => `${error.code}: ${error.message}`,
  );
}
