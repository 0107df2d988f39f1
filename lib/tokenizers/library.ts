/**
 * What is used of the library. Its own declarations import each other without the endings of files, which TypeScript does
 * not find for Node.
 */
import * as library from '@huggingface/tokenizers';

type Config = Readonly<Record<string, unknown>>;

interface Library {
  readonly BPE: new (config: Config) => (words: readonly string[]) => string[];
  readonly BPEDecoder: new (config: Config) => { decode_chain(tokens: readonly string[]): string[] };
  readonly SplitPreTokenizer: new (config: Config) => { readonly pattern: RegExp };
  readonly Unigram: new (config: Config, end: string) => { tokenize(word: string): string[] };
  readonly WordPiece: new (config: Config) => { encode(words: readonly string[]): string[] };
}

export const { BPE, BPEDecoder, SplitPreTokenizer, Unigram, WordPiece } = library as unknown as Library;
