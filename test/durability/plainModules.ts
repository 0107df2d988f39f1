/** Modules of lib for many short processes: as JavaScript, so that none of them has to read TypeScript. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import ts from 'typescript';

const LIB = join(import.meta.dirname, '..', '..', 'lib');

/** Puts a module, `learning/runLock.ts`, and all that it imports of lib into a directory. */
export function plainModules(entry: string, directory: string): void {
  writeFileSync(join(directory, 'package.json'), '{"type": "module"}');
  const done = new Set<string>();
  const copy = (path: string): void => {
    if (done.has(path)) return;
    done.add(path);
    const text = readFileSync(join(LIB, path), 'utf8');
    const { outputText } = ts.transpileModule(text, {
      compilerOptions: {
        module: ts.ModuleKind.ESNext,
        target: ts.ScriptTarget.ES2022,
        verbatimModuleSyntax: true,
      },
    });
    const target = join(directory, path.replace(/\.ts$/, '.js'));
    mkdirSync(dirname(target), { recursive: true });
    const imports = /(\bfrom '\.[^']*)\.ts'/g;
    writeFileSync(target, outputText.replace(imports, "$1.js'"));
    for (const [, from] of outputText.matchAll(imports))
      copy(normalize(join(dirname(path), `${from?.replace(/^from '/, '')}.ts`)));
  };
  copy(entry);
}
