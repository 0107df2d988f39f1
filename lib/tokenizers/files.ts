/**
 * The files of a tokenizer.
 */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ArgumentError } from '../errors.ts';
import { cannotRead, checkPath } from '../torch/io/path.ts';
import { Fields } from './fields.ts';

export interface TokenizerFiles {
  /** tokenizer.json */
  readonly tokenizer: Fields;
  /** tokenizer_config.json */
  readonly config?: Fields | undefined;
  /** special_tokens_map.json */
  readonly specialTokens?: Fields | undefined;
}

export async function readFolder(path: string | URL): Promise<TokenizerFiles> {
  const folder = checkPath(path);
  return {
    tokenizer: await readJson(join(folder, 'tokenizer.json')),
    config: await readOptional(join(folder, 'tokenizer_config.json')),
    specialTokens: await readOptional(join(folder, 'special_tokens_map.json')),
  };
}

export async function readOne(path: string | URL): Promise<TokenizerFiles> {
  return { tokenizer: await readJson(checkPath(path)) };
}

/** Of a folder, or a tokenizer.json alone. */
export async function readEither(path: string): Promise<TokenizerFiles> {
  const found = await stat(path).catch((error: unknown) => {
    throw cannotRead(path, error);
  });
  return found.isDirectory() ? readFolder(path) : readOne(path);
}

async function readOptional(path: string): Promise<Fields | undefined> {
  const there = await stat(path).then(
    () => true,
    () => false,
  );
  return there ? readJson(path) : undefined;
}

async function readJson(path: string): Promise<Fields> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw cannotRead(path, error);
  });
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    throw new ArgumentError(`Expected JSON in ${path} but received ${(error as Error).message}`, 'ERR_FILE');
  }
  return new Fields(content, path);
}
