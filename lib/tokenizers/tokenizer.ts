/**
 * Tokenizers from the tokenizer.json of Hugging Face, with the results of Python's tokenizers.
 */
import type { TextInput, TokenBatch } from './encoding.ts';
import { readFolder, readOne } from './files.ts';
import type { EncodeOptions } from './settings.ts';
import { toTensors } from './tensors.ts';
import { TokenEncoder } from './tokenEncoder.ts';

export class Tokenizer extends TokenEncoder {
  /**
   * The tokenizer of a folder: tokenizer.json, and what tokenizer_config.json and special_tokens_map.json, where they are,
   * say about padding, sides and length.
   *
   * @throws ArgumentError with the code `ERR_FILE` for files that cannot be read or are wrong
   */
  static async fromFolder(path: string | URL): Promise<Tokenizer> {
    return new Tokenizer(await readFolder(path));
  }

  /**
   * The tokenizer of a tokenizer.json alone.
   *
   * @throws ArgumentError with the code `ERR_FILE` for a file that cannot be read or is wrong
   */
  static async fromFile(path: string | URL): Promise<Tokenizer> {
    return new Tokenizer(await readOne(path));
  }

  /**
   * Several as tensors for a model; by default filled to the longest.
   *
   * @throws ArgumentError where texts differ in length and there is no padding, or no pad token
   */
  encodeBatch(inputs: readonly TextInput[], options: EncodeOptions = {}): TokenBatch {
    return toTensors(this.encodeArrays(inputs, options));
  }
}
