/**
 * `npm run api`: writes what each entry point exports, as declarations without comments, into `api/`. `npm run api -- --check`
 * fails where they differ, so that no change of the public interface goes unannounced. Operators that are generated from
 * libtorch's schemas are left out: they have a check of their own.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import ts from 'typescript';

const root = join(import.meta.dirname, '..');
const folder = join(root, 'api');
const isCheck = process.argv.includes('--check');

const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  readonly exports: Readonly<Record<string, string | { readonly types: string }>>;
};
/** Such as `./torch` -> `lib/torch/index.ts`. */
const entries = Object.entries(exports).flatMap(([name, target]) =>
  typeof target === 'string'
    ? []
    : [[name, target.types.replace('./dist/', 'lib/').replace(/\.d\.ts$/, '.ts')] as const],
);

const config = ts.getParsedCommandLineOfConfigFile(
  join(root, 'tsconfig.build.json'),
  { emitDeclarationOnly: true, declarationMap: false, sourceMap: false, removeComments: true },
  { ...ts.sys, onUnRecoverableConfigFileDiagnostic: () => {} },
) as ts.ParsedCommandLine;
const program = ts.createProgram(config.fileNames, config.options);
const checker = program.getTypeChecker();

const declarations = new Map<string, ts.SourceFile>();

/** What `tsc` says of a file to those who import it. */
function declarationsOf(source: ts.SourceFile): ts.SourceFile {
  const known = declarations.get(source.fileName);
  if (known !== undefined) return known;
  let text = '';
  program.emit(
    source,
    (_, content) => {
      text = content;
    },
    undefined,
    true,
  );
  const parsed = ts.createSourceFile(source.fileName, text, ts.ScriptTarget.ES2022, true);
  declarations.set(source.fileName, parsed);
  return parsed;
}

const printer = ts.createPrinter({ removeComments: true });

/** The declarations of one export, overloads and merged ones in their order; none for what is generated. */
function textOf(symbol: ts.Symbol): string[] {
  const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  const places = new Set((target.declarations ?? []).map((declaration) => declaration.getSourceFile()));
  return [...places].flatMap((source) => {
    const path = relative(root, source.fileName);
    if (path.includes('/generated/') || path.startsWith('..') || path.startsWith('node_modules')) return [];
    if (target.flags & ts.SymbolFlags.ValueModule) return namespaceOf(symbol.name, target);
    const file = declarationsOf(source);
    return file.statements
      .filter((statement) => declares(statement, target.name))
      .map((statement) => printer.printNode(ts.EmitHint.Unspecified, statement, file));
  });
}

/** `export * as jit`: its exports, one level deeper. */
function namespaceOf(name: string, module: ts.Symbol): string[] {
  const lines = exportsOf(module).join('\n').replaceAll(/^/gm, '    ');
  return [`export namespace ${name} {\n${lines}\n}`];
}

function declares(statement: ts.Statement, name: string): boolean {
  if (ts.isVariableStatement(statement))
    return statement.declarationList.declarations.some(
      (each) => ts.isIdentifier(each.name) && each.name.text === name,
    );
  return 'name' in statement && (statement.name as ts.Identifier | undefined)?.text === name;
}

function exportsOf(module: ts.Symbol): string[] {
  const symbols = checker.getExportsOfModule(module).sort((a, b) => (a.name < b.name ? -1 : 1));
  return symbols.flatMap((symbol) => {
    const texts = textOf(symbol);
    const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
    return target.name === symbol.name || texts.length === 0 || target.flags & ts.SymbolFlags.ValueModule
      ? texts
      : [...texts, `export { ${target.name} as ${symbol.name} };`];
  });
}

const reports = new Map(
  entries.map(([name, path]) => {
    const source = program.getSourceFile(join(root, path)) as ts.SourceFile;
    const module = checker.getSymbolAtLocation(source) as ts.Symbol;
    const file = `${name === '.' ? 'xpmir' : name.slice(2)}.d.ts.txt`;
    return [file, `${exportsOf(module).join('\n')}\n`];
  }),
);

const problems = [...reports].flatMap(([file, report]) => {
  const path = join(folder, file);
  const before = existsSync(path) ? readFileSync(path, 'utf8') : '';
  return before === report ? [] : [difference(file, before, report)];
});
if (isCheck) {
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) {
    console.error('The public interface changed: say so in CHANGELOG.md, and run npm run api');
    process.exitCode = 1;
  }
} else {
  mkdirSync(folder, { recursive: true });
  for (const file of readdirSync(folder)) if (!reports.has(file)) rmSync(join(folder, file));
  for (const [file, report] of reports) writeFileSync(join(folder, file), report);
}

/** The first lines that one has and the other has not. */
function difference(file: string, before: string, after: string): string {
  const [old, young] = [before.split('\n'), after.split('\n')];
  const [gone, come] = [new Set(old), new Set(young)];
  const lines = [
    ...old.filter((line) => !come.has(line)).map((line) => `  - ${line}`),
    ...young.filter((line) => !gone.has(line)).map((line) => `  + ${line}`),
  ];
  return `api/${file}:\n${lines.slice(0, 20).join('\n') || '  the same lines in another order'}`;
}
