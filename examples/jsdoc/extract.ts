/**
 * Documented declarations out of the text of one TypeScript declaration file.
 */
import ts from 'typescript';
import type { Declaration } from './declaration.ts';

/** Longest signature kept, in characters. */
const MAX_SIGNATURE = 600;
/** Queries outside this number of words say too little, or are no sentence. */
const MIN_WORDS = 3;
const MAX_WORDS = 60;

const printer = ts.createPrinter({ removeComments: true });

/**
 * Finds the documented declarations in one file.
 *
 * @param text content of a `.d.ts` file
 * @param module how to name the file where no `declare module` says otherwise
 */
export function extractDeclarations(text: string, module: string): Declaration[] {
  const source = ts.createSourceFile('source.d.ts', text, ts.ScriptTarget.Latest, true);
  const found: Declaration[] = [];

  const visit = (node: ts.Node, where: { module: string; container: readonly string[] }): void => {
    const name = declaredName(node, source);
    const query = name === undefined ? undefined : documentationOf(node);
    if (name !== undefined && query !== undefined) {
      found.push({
        query,
        name,
        container: where.container.join('.'),
        module: where.module,
        signature: signatureOf(node, source),
      });
    }
    const inside =
      ts.isModuleDeclaration(node) && ts.isStringLiteral(node.name)
        ? { module: node.name.text.replace(/^node:/, ''), container: [] }
        : name !== undefined && name !== 'global'
          ? { ...where, container: [...where.container, name] }
          : where;
    ts.forEachChild(node, (child) => visit(child, inside));
  };
  ts.forEachChild(source, (node) => visit(node, { module, container: [] }));
  return found;
}

/** The first sentence of a comment as plain words; undefined when it has none worth searching for. */
export function firstSentence(comment: string): string | undefined {
  const plain = comment
    .replace(/!?\[MDN Reference\]\([^)]*\)/g, '')
    .replace(/!?\[([^\]]*)\](\([^)]*\)|\[[^\]]*\])/g, '$1')
    .replace(/\{@\w+\s+([^}]*)\}/g, '$1')
    .replace(/<\/?[a-zA-Z][^>]*>/g, ' ')
    .trim();
  // The first paragraph: up to an empty line, a list, a heading or code.
  const paragraph = plain.split(/\n\s*\n|(?:^|\n)\s*(?:[-*#>]+\s|```|\d+\.\s)/, 1)[0] ?? '';
  const line = paragraph.replace(/\s+/g, ' ').trim();
  // A sentence ends at a full stop before a capital or code, not at "e.g. this" or "v1.2".
  const end = /(?<!\b(?:e\.g|i\.e|etc|vs|cf))[.!?](?=\s+["'(*]*[A-Z`]|$)/.exec(line);
  const sentence = (end === null ? line : line.slice(0, end.index + 1)).replace(/\*\*|__|`/g, '');
  const words = sentence.match(/[\p{L}\p{N}]+/gu)?.length ?? 0;
  return words >= MIN_WORDS && words <= MAX_WORDS ? sentence : undefined;
}

function documentationOf(node: ts.Node): string | undefined {
  // The documentation of a variable hangs on its statement.
  const owner = ts.isVariableDeclaration(node) ? node.parent.parent : node;
  const blocks = ts.getJSDocCommentsAndTags(owner).filter(ts.isJSDoc);
  const comment = ts.getTextOfJSDocComment(blocks.at(-1)?.comment);
  return comment === undefined ? undefined : firstSentence(comment);
}

function declaredName(node: ts.Node, source: ts.SourceFile): string | undefined {
  if (ts.isConstructorDeclaration(node) || ts.isConstructSignatureDeclaration(node)) return 'constructor';
  if (
    ts.isFunctionDeclaration(node) ||
    ts.isClassDeclaration(node) ||
    ts.isInterfaceDeclaration(node) ||
    ts.isTypeAliasDeclaration(node) ||
    ts.isEnumDeclaration(node) ||
    ts.isModuleDeclaration(node) ||
    ts.isVariableDeclaration(node) ||
    ts.isEnumMember(node) ||
    ts.isMethodSignature(node) ||
    ts.isMethodDeclaration(node) ||
    ts.isPropertySignature(node) ||
    ts.isPropertyDeclaration(node) ||
    ts.isAccessor(node)
  ) {
    return node.name === undefined ? 'default' : nameText(node.name, source);
  }
  return undefined;
}

function nameText(name: ts.Node, source: ts.SourceFile): string {
  return ts.isStringLiteral(name) || ts.isIdentifier(name) ? name.text : name.getText(source);
}

/** The declaration without comments; of a container only its head and the names of its members. */
function signatureOf(node: ts.Node, source: ts.SourceFile): string {
  let text: string;
  if (ts.isClassDeclaration(node) || ts.isInterfaceDeclaration(node) || ts.isEnumDeclaration(node)) {
    const members = (node.members as ts.NodeArray<ts.Node>).map((member) => declaredName(member, source));
    const names = [...new Set(members.filter((name) => name !== undefined))];
    text = `${headOf(node, source)} { ${names.join('; ')} }`;
  } else if (ts.isModuleDeclaration(node)) {
    text = `namespace ${nameText(node.name, source)}`;
  } else {
    text = printer.printNode(ts.EmitHint.Unspecified, node, source);
  }
  return text
    .replace(/\s+/g, ' ')
    .replace(/^(export |declare |default )+/, '')
    .slice(0, MAX_SIGNATURE)
    .trim();
}

function headOf(
  node: ts.ClassDeclaration | ts.InterfaceDeclaration | ts.EnumDeclaration,
  source: ts.SourceFile,
): string {
  const kind = ts.isEnumDeclaration(node) ? 'enum' : ts.isClassDeclaration(node) ? 'class' : 'interface';
  const heritage = ts.isEnumDeclaration(node) ? [] : (node.heritageClauses ?? []);
  const parts = [kind, node.name?.text ?? 'default', ...heritage.map((clause) => clause.getText(source))];
  return parts.join(' ');
}
