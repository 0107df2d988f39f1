/** Tokenizers that Python trained, and what Python's tokenizers made of texts. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { TextInput } from '../../lib/tokenizers/encoding.ts';
import type { EncodeOptions } from '../../lib/tokenizers/settings.ts';
import type { Tokenizer } from '../../lib/tokenizers/tokenizer.ts';

export const NAMES = ['wordpiece', 'bytelevel', 'unigram', 'gpt', 'fallback'] as const;

interface Batch {
  readonly options: {
    readonly truncation?: Readonly<Record<string, unknown>>;
    readonly padding?: Readonly<Record<string, unknown>>;
    readonly add_special_tokens?: boolean;
  };
  readonly group: readonly number[];
  readonly paired: boolean;
  /** Of each text ids, types, attention and special tokens mask. */
  readonly result: readonly (readonly number[][])[] | 'refused';
}

interface Results {
  readonly single: readonly (readonly number[])[];
  readonly decoded: readonly string[];
  /** Of every `step`-th line, with special tokens. */
  readonly whole: readonly string[];
  /** Of every `step`-th line and the next one ids, types and special tokens mask. */
  readonly pairs: readonly (readonly number[][])[];
  readonly batches: readonly Batch[];
}

export interface TokenizerRecord {
  readonly lines: readonly string[];
  readonly step: number;
  readonly results: Readonly<Record<string, Results>>;
}

export function unpacked(name: string): Record<string, unknown> {
  const url = new URL(`../fixtures/tokenizers/${name}.json.gz`, import.meta.url);
  return JSON.parse(gunzipSync(readFileSync(url)).toString('utf8')) as Record<string, unknown>;
}

/** A tokenizer.json in `folder`, with some fields replaced. */
export function writeTokenizer(folder: string, name: string, replaced: object = {}): string {
  const path = join(folder, 'tokenizer.json');
  writeFileSync(path, JSON.stringify({ ...unpacked(name), ...replaced }));
  return path;
}

/** A name for each result that is not Python's. @param open a tokenizer with fields of its file replaced */
export async function differences(
  { lines, step, results }: TokenizerRecord,
  name: string,
  open: (replaced?: object) => Promise<Tokenizer>,
): Promise<string[]> {
  const { single, decoded, whole, pairs, batches } = results[name] as Results;
  const tokenizer = await open();
  const found: string[] = [];
  const compare = (what: string, ours: unknown, theirs: unknown) => {
    if (JSON.stringify(ours) !== JSON.stringify(theirs)) found.push(what);
  };
  const neighbour = (i: number): [string, string] => [
    lines[i] as string,
    lines[(i + 1) % lines.length] as string,
  ];
  for (const [i, line] of lines.entries()) {
    const ids = single[i] as number[];
    compare(`single ${i}`, tokenizer.encode(line).ids, ids);
    compare(`decoded ${i}`, tokenizer.decode(ids), decoded[i]);
    if (i % step !== 0) continue;
    compare(`whole ${i}`, tokenizer.decode(ids, { skipSpecialTokens: false }), whole[i / step]);
    const pair = tokenizer.encode(neighbour(i));
    compare(`pair ${i}`, [pair.ids, pair.typeIds, pair.specialTokensMask], pairs[i / step]);
  }
  for (const [i, { options, group, paired, result }] of batches.entries()) {
    const inputs = group.map((at): TextInput => (paired ? neighbour(at) : (lines[at] as string)));
    const asked = await open({ padding: paddingOf(options.padding) });
    compare(`batch ${i} ${JSON.stringify(options)}`, encoded(asked, inputs, optionsOf(options)), result);
  }
  return found;
}

function encoded(tokenizer: Tokenizer, inputs: readonly TextInput[], options: EncodeOptions): unknown {
  try {
    return tokenizer
      .encodeAll(inputs, options)
      .map(({ ids, typeIds, attentionMask, specialTokensMask }) => [
        ids,
        typeIds,
        attentionMask,
        specialTokensMask,
      ]);
  } catch {
    return 'refused';
  }
}

function optionsOf({
  truncation,
  add_special_tokens: addSpecialTokens = true,
}: Batch['options']): EncodeOptions {
  return {
    addSpecialTokens,
    ...(truncation && {
      truncation: (truncation.strategy ?? true) as true,
      maxLength: truncation.max_length as number,
      truncationSide: (truncation.direction ?? 'right') as 'right',
    }),
  };
}

/** As a tokenizer.json has it. */
function paddingOf(padding: Readonly<Record<string, unknown>> | undefined): object | null {
  if (padding === undefined) return null;
  return {
    strategy: padding.length === undefined ? 'BatchLongest' : { Fixed: padding.length },
    direction: padding.direction === 'left' ? 'Left' : 'Right',
    pad_to_multiple_of: padding.pad_to_multiple_of ?? null,
    pad_id: padding.pad_id ?? 0,
    pad_type_id: padding.pad_type_id ?? 0,
    pad_token: padding.pad_token ?? 'no such token',
  };
}
