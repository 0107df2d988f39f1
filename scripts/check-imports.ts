/** Fails when a file of lib/ imports what its layer must not know. `npm run check:imports`. */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import ts from 'typescript';

/** Each layer and the layers it may know beside itself. What is not listed is forbidden. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  errors: [],
  locator: ['errors'],
  setup: ['errors', 'locator'],
  native: ['errors', 'locator'],
  torch: ['errors', 'native'],
  experiment: ['errors'],
  learning: ['errors', 'torch', 'experiment'],
  transformers: ['errors', 'torch', 'experiment', 'learning'],
  ir: ['errors', 'torch', 'experiment', 'learning'],
  tokenizers: ['errors', 'torch', 'experiment', 'learning'],
  letor: ['errors', 'torch', 'experiment', 'learning', 'ir', 'transformers', 'tokenizers'],
  monitor: ['errors', 'torch', 'experiment', 'learning', 'ir', 'letor'],
  doctor: ['errors', 'locator', 'setup', 'native', 'torch'],
  cli: [
    'errors',
    'locator',
    'setup',
    'doctor',
    'native',
    'torch',
    'experiment',
    'learning',
    'ir',
    'letor',
    'monitor',
  ],
};

/** Files that lie in lib/ itself. Everything else is of the layer that its folder names. */
const rootFiles: Readonly<Record<string, string>> = {
  'errors.ts': 'errors',
  'plainObject.ts': 'errors',
  'nearest.ts': 'errors',
  'options.ts': 'errors',
  'packageVersion.ts': 'errors',
  'listDirectory.ts': 'errors',
  'addon.ts': 'locator',
  'cache.ts': 'locator',
  'damage.ts': 'locator',
  'libtorch.ts': 'locator',
  'platform.ts': 'locator',
  'pythonTorch.ts': 'locator',
  'native.ts': 'native',
  'cli.ts': 'cli',
};

interface Import {
  readonly from: string;
  readonly to: string;
  /** Erased by the compiler: it can close no circle at run time. */
  readonly typeOnly: boolean;
  readonly reexport: boolean;
}

/** One sentence for each forbidden import under `lib`. */
export function importProblems(lib: string): string[] {
  const files = readdirSync(lib, { recursive: true, encoding: 'utf8' }).filter((path) =>
    path.endsWith('.ts'),
  );
  const imports = files.flatMap((path) => importsOf(lib, path));
  const inside = imports.filter(({ to }) => files.includes(to));
  return [
    ...imports.flatMap((one) =>
      one.to.startsWith('..') ? [`${one.from} imports ${one.to}, outside lib`] : [],
    ),
    ...files.flatMap((path) => (layerOf(path) in allowed ? [] : [`${path} is in no known layer`])),
    ...inside.flatMap(directionProblem),
    ...inside.flatMap(indexProblem),
    ...files.flatMap((path) => addonProblem(lib, path)),
    ...circles(inside.filter(({ typeOnly }) => !typeOnly)).map((circle) => `Circle: ${circle.join(' -> ')}`),
  ];
}

function layerOf(path: string): string {
  return path.includes('/') ? (path.split('/')[0] as string) : (rootFiles[path] ?? path);
}

function directionProblem({ from, to }: Import): string[] {
  const [layer, other] = [layerOf(from), layerOf(to)];
  if (layer === other || allowed[layer]?.includes(other)) return [];
  return [`${from} imports ${to}: ${layer} must not know ${other}`];
}

/** An index is a table of contents for users: importing it from inside loads everything and invites circles. */
function indexProblem({ from, to, reexport }: Import): string[] {
  if (basename(to) !== 'index.ts' || (basename(from) === 'index.ts' && reexport)) return [];
  return [`${from} imports ${to}: import the file that defines it`];
}

function addonProblem(lib: string, path: string): string[] {
  const mentions = /['"](bindings|[^'"\n]*\.node)['"]/.test(readFileSync(join(lib, path), 'utf8'));
  return mentions && layerOf(path) !== 'native' ? [`${path} reaches for the addon: only native.ts may`] : [];
}

function importsOf(lib: string, path: string): Import[] {
  const source = ts.createSourceFile(path, readFileSync(join(lib, path), 'utf8'), ts.ScriptTarget.ES2022);
  const found: Import[] = [];
  const add = (specifier: ts.Node | undefined, typeOnly: boolean, reexport: boolean) => {
    if (specifier === undefined || !ts.isStringLiteral(specifier) || !specifier.text.startsWith('.')) return;
    found.push({
      from: path,
      to: relative(lib, join(lib, dirname(path), specifier.text)),
      typeOnly,
      reexport,
    });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      const typeOnly = node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword;
      add(node.moduleSpecifier, typeOnly, false);
    } else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly, true);
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
      add(node.arguments[0], false, false);
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument))
      add(node.argument.literal, true, false);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** Every circle that a depth-first walk closes, from the file at which it was entered. */
function circles(imports: readonly Import[]): string[][] {
  const next = groupByFrom(imports);
  const done = new Set<string>();
  const found: string[][] = [];
  const walk = (file: string, path: readonly string[]): void => {
    const entered = path.indexOf(file);
    if (entered >= 0) {
      found.push([...path.slice(entered), file]);
    } else if (!done.has(file)) {
      for (const to of next.get(file) ?? []) walk(to, [...path, file]);
      done.add(file);
    }
  };
  for (const file of next.keys()) walk(file, []);
  return found;
}

function groupByFrom(imports: readonly Import[]): Map<string, Set<string>> {
  const groups = new Map<string, Set<string>>();
  for (const { from, to } of imports) groups.set(from, (groups.get(from) ?? new Set()).add(to));
  return groups;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const problems = importProblems(join(import.meta.dirname, '..', 'lib'));
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) process.exit(1);
}
