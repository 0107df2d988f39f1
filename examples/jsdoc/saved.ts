/**
 * A trained searcher on the disk: settings and declarations as JSON, weights and document vectors as safetensors.
 */
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type InvertedIndex, topK } from 'xpmir/ir';
import * as torch from 'xpmir/torch';
import type { Corpus } from './corpus.ts';
import type { Declaration } from './declaration.ts';
import { DualEncoder, type EncoderOptions } from './encoder.ts';
import { type Bm25Parameters, bm25Index, mix } from './rankers.ts';

interface Settings {
  readonly encoder: EncoderOptions;
  readonly bm25: Bm25Parameters;
  /** Share of BM25 in the mixed score. */
  readonly weight: number;
}

const FILES = {
  settings: 'settings.json',
  declarations: 'declarations.json',
  model: 'model.safetensors',
  vectors: 'vectors.safetensors',
} as const;

/** A declaration that was found, and its mixed score. */
export interface Found {
  readonly declaration: Declaration;
  readonly score: number;
}

/** Searches declarations by what they do. */
export class Searcher {
  readonly #encoder: DualEncoder;
  readonly #settings: Settings;
  readonly #declarations: readonly Declaration[];
  readonly #bm25: InvertedIndex;
  /** `[N, D]`. */
  readonly #vectors: torch.Tensor;

  constructor(
    encoder: DualEncoder,
    corpus: Pick<Corpus, 'documents'>,
    vectors: torch.Tensor,
    settings: Settings,
  ) {
    this.#encoder = encoder;
    this.#settings = settings;
    this.#declarations = corpus.documents;
    this.#bm25 = bm25Index(corpus.documents);
    this.#vectors = torch.keep(vectors);
  }

  /** The k best declarations, best first. */
  search(query: string, k: number): Found[] {
    const features = this.#encoder.features(query);
    if (features.length === 0) return [];
    const cosines = torch.tidy(() =>
      this.#vectors.mv(this.#encoder.encode([features]).squeeze(0)).toTypedArray(),
    );
    const { bm25, weight } = this.#settings;
    const lexical = this.#bm25.scores(query, { similarity: { name: 'bm25', ...bm25 } });
    const scores = mix(lexical, cosines as Float32Array, weight);
    return topK(scores, k).map(({ doc, score }) => ({ declaration: this.#declarations[doc]!, score }));
  }

  async save(directory: string): Promise<void> {
    await mkdir(directory, { recursive: true });
    await torch.tidy(() => torch.saveSafetensors(join(directory, FILES.model), this.#encoder.stateDict()));
    await torch.saveSafetensors(join(directory, FILES.vectors), { vectors: this.#vectors });
    await writeFile(join(directory, FILES.declarations), JSON.stringify(this.#declarations));
    await writeFile(join(directory, FILES.settings), JSON.stringify(this.#settings));
  }

  /** @throws Error when nothing was saved there */
  static async load(directory: string): Promise<Searcher> {
    if (!existsSync(join(directory, FILES.settings))) {
      throw new Error(
        `No model in ${directory}: train one with npm run demo, or name another directory with --model`,
      );
    }
    const read = (name: string): unknown => JSON.parse(readFileSync(join(directory, name), 'utf8'));
    const settings = read(FILES.settings) as Settings;
    const documents = read(FILES.declarations) as readonly Declaration[];
    const encoder = new DualEncoder(settings.encoder);
    const { vectors } = await torch.tidy(async () => {
      encoder.loadStateDict(await torch.loadSafetensors(join(directory, FILES.model)));
      return { vectors: (await torch.loadSafetensors(join(directory, FILES.vectors))).get('vectors')! };
    });
    return new Searcher(encoder, { documents }, vectors, settings);
  }
}

/** What was found as lines: score, where it is, what it says. */
export function describe(found: readonly Found[]): string {
  const lines = found.map(({ declaration, score }) => {
    const { module, container, name, signature } = declaration;
    const place = [module, container, name].filter((part) => part !== '').join(' › ');
    return `  ${score.toFixed(3)}  ${place}\n         ${signature.length > 100 ? `${signature.slice(0, 99)}…` : signature}`;
  });
  return lines.join('\n');
}
