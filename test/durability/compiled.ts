/** Programs without types, in a directory of their own: processes that are started many times have nothing to translate. */
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Options, transformSync } from '@swc/core';

const root = fileURLToPath(new URL('../..', import.meta.url));

const SWC: Options = {
  swcrc: false,
  jsc: { parser: { syntax: 'typescript' }, target: 'es2022', transform: { useDefineForClassFields: true } },
  module: { type: 'es6' },
};

const IMPORTED = /(?<=(?:\bfrom|\bimport|\bimport\(|\bnew URL\() ?')(\.{1,2}\/[^']+)\.ts(?=')/g;

/**
 * Translates a program beside the tests, or a module, and all that it imports.
 *
 * @returns the path of the program
 */
export function compiled(program: string, to: string): string {
  const waiting = [fileURLToPath(new URL(program, import.meta.url))];
  const seen = new Set(waiting);
  const targetOf = (path: string) => join(to, relative(root, path).replace(/\.ts$/, '.js'));
  for (const path of waiting) {
    let { code } = transformSync(readFileSync(path, 'utf8'), { ...SWC, filename: path });
    code = code.replace(IMPORTED, (_, name: string) => {
      const imported = join(dirname(path), `${name}.ts`);
      if (!seen.has(imported)) waiting.push(imported);
      seen.add(imported);
      return `${name}.js`;
    });
    mkdirSync(dirname(targetOf(path)), { recursive: true });
    writeFileSync(targetOf(path), code);
  }
  cpSync(join(root, 'package.json'), join(to, 'package.json'));
  for (const name of ['node_modules', 'build']) symlinkSync(join(root, name), join(to, name));
  return targetOf(waiting[0] as string);
}
