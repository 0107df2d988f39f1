/**
 * Which fields of classes with a state are in that state: read from the sources, so that a new field is asked for too.
 *
 * A field counts where it may change once the object is made: one that is not readonly, and a readonly one whose content
 * the class changes, or of a class that has a state itself. It must be read by `stateDict`, or by what that calls of the
 * same object, and be written by `loadStateDict` or by what that calls.
 */
import { dirname, join } from 'node:path';
import ts from 'typescript';

/** A field that a state lacks. */
export interface Forgotten {
  /** Such as `Metrics.samples`, by the class that declares it. */
  readonly field: string;
  /** The class in whose state it would be. */
  readonly of: string;
  readonly missing: readonly ('saved' | 'restored')[];
}

interface Class {
  readonly key: string;
  readonly name: string;
  readonly file: string;
  readonly base: string | undefined;
  readonly isAbstract: boolean;
  /** Methods, getters and setters that have a body, and how `stateDict` is declared where it has none. */
  readonly methods: ReadonlyMap<string, ts.Node | undefined>;
  readonly fields: ReadonlyMap<string, ts.PropertyDeclaration>;
}

/** What gives a state, and what takes one; `static` ones make an object of it. */
const SAVES = ['stateDict', 'words'];
const RESTORES = ['loadStateDict', 'restore', 'static fromState'];
const MUTATORS = new Set(
  'set add push pop shift unshift splice delete clear sort reverse fill copyWithin'.split(' '),
);

/** @param sources text by path, with which imports between them are found */
export function forgottenFields(sources: ReadonlyMap<string, string>): Forgotten[] {
  return new Fields(sources).forgotten();
}

class Fields {
  readonly #classes = new Map<string, Class>();
  readonly #imports = new Map<string, ReadonlyMap<string, string>>();

  constructor(sources: ReadonlyMap<string, string>) {
    for (const [file, text] of sources) {
      const source = ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true);
      this.#imports.set(file, importsOf(source));
      for (const node of source.statements) if (ts.isClassDeclaration(node)) this.#add(file, node);
    }
  }

  forgotten(): Forgotten[] {
    return [...this.#classes.values()]
      .filter((each) => this.#isToCheck(each))
      .flatMap((each) => this.#of(each));
  }

  #add(file: string, node: ts.ClassDeclaration): void {
    const name = node.name?.text ?? 'default';
    const extended = node.heritageClauses?.find(({ token }) => token === ts.SyntaxKind.ExtendsKeyword);
    const base = nameOfBase(extended?.types[0]?.expression);
    const methods = new Map<string, ts.Node | undefined>();
    const fields = new Map<string, ts.PropertyDeclaration>();
    for (const member of node.members) {
      if (member.name === undefined) continue;
      const own = `${has(member, ts.SyntaxKind.StaticKeyword) ? 'static ' : ''}${member.name.getText()}`;
      if (ts.isPropertyDeclaration(member)) {
        if (member.initializer && ts.isArrowFunction(member.initializer))
          methods.set(own, member.initializer);
        else if (!own.startsWith('static ') && !has(member, ts.SyntaxKind.DeclareKeyword))
          fields.set(own, member);
      } else if (ts.isMethodDeclaration(member) || ts.isAccessor(member)) {
        methods.set(own, methods.get(own) ?? member.body);
      }
    }
    const isAbstract = has(node, ts.SyntaxKind.AbstractKeyword);
    const key = `${file}:${name}`;
    const from = base && (this.#imports.get(file)?.get(base) ?? `${file}:${base}`);
    this.#classes.set(key, { key, name, file, base: from, isAbstract, methods, fields });
  }

  /** From a class to what it extends. */
  #chain(from: Class | undefined): Class[] {
    const chain: Class[] = [];
    for (let at = from; at !== undefined; at = this.#classes.get(at.base ?? '')) chain.push(at);
    return chain;
  }

  #isStateful(one: Class): boolean {
    return this.#chain(one).some(({ methods }) => SAVES.some((name) => methods.has(name)));
  }

  /** An abstract class is looked at through those that extend it, unless it has a state of its own, or nobody does. */
  #isToCheck(one: Class): boolean {
    if (!this.#isStateful(one)) return false;
    const isExtended = [...this.#classes.values()].some(({ base }) => base === one.key);
    return !one.isAbstract || !isExtended || SAVES.some((name) => this.#method(one, name) !== undefined);
  }

  #method(
    from: Class | undefined,
    name: string,
  ): { readonly body: ts.Node; readonly owner: Class } | undefined {
    for (const owner of this.#chain(from)) {
      const body = owner.methods.get(name);
      if (body !== undefined) return { body, owner };
    }
    return undefined;
  }

  #of(one: Class): Forgotten[] {
    const saved = this.#reached(one, SAVES, () => true);
    const restored = this.#reached(one, RESTORES, isWritten);
    return this.#chain(one).flatMap((owner) =>
      [...owner.fields].flatMap(([name, field]): Forgotten[] => {
        if (!this.#mayChange(owner, name, field)) return [];
        const id = `${owner.name}.${name}`;
        const missing = [
          ...(saved.has(id) ? [] : (['saved'] as const)),
          ...(restored.has(id) ? [] : (['restored'] as const)),
        ];
        return missing.length === 0 ? [] : [{ field: id, of: one.name, missing }];
      }),
    );
  }

  #mayChange(owner: Class, name: string, field: ts.PropertyDeclaration): boolean {
    if (!has(field, ts.SyntaxKind.ReadonlyKeyword)) return true;
    const isMutated = [...owner.methods.values()].some((body) => body !== undefined && mutates(body, name));
    return (
      isMutated ||
      this.#namesStateful(owner.file, field.type) ||
      this.#namesStateful(owner.file, field.initializer)
    );
  }

  /** Whether a type, or the class of a new object, has a state. */
  #namesStateful(file: string, node: ts.Node | undefined): boolean {
    if (node === undefined || ts.isFunctionTypeNode(node) || ts.isFunctionLike(node)) return false;
    if (ts.isIdentifier(node)) {
      const key = this.#imports.get(file)?.get(node.text) ?? `${file}:${node.text}`;
      const named = this.#classes.get(key);
      return named !== undefined && this.#isStateful(named);
    }
    return ts.forEachChild(node, (child) => this.#namesStateful(file, child) || undefined) ?? false;
  }

  /** The fields that methods reach, with the methods that they call of the same object. */
  #reached(one: Class, names: readonly string[], counts: (node: ts.Node) => boolean): Set<string> {
    const found = new Set<string>();
    const seen = new Set<ts.Node>();
    const follow = (name: string, from: Class | undefined) => {
      const method = this.#method(from, name);
      if (method === undefined || seen.has(method.body)) return;
      seen.add(method.body);
      visit(method.body, method.owner, name.startsWith('static '));
    };
    const reach = (
      name: string,
      { owner, from, node }: { owner: Class; from: Class | undefined; node: ts.Node },
    ) => {
      const holder = name.startsWith('#') ? owner : from;
      const field = this.#chain(holder).find(({ fields }) => fields.has(name));
      if (field !== undefined && counts(node)) found.add(`${field.name}.${name}`);
      follow(name, holder);
    };
    const visit = (node: ts.Node, owner: Class, isStatic: boolean): void => {
      if (ts.isClassLike(node)) return;
      if (ts.isPropertyAccessExpression(node)) {
        const name = node.name.text;
        const { kind } = node.expression;
        if (kind === ts.SyntaxKind.SuperKeyword) follow(name, this.#classes.get(owner.base ?? ''));
        else if (kind === ts.SyntaxKind.ThisKeyword || isStatic || name.startsWith('#'))
          reach(name, { owner, from: one, node });
      } else if (ts.isObjectBindingPattern(node) && isOfThis(node)) {
        for (const { propertyName, name } of node.elements)
          reach((propertyName ?? name).getText(), { owner, from: one, node });
      }
      ts.forEachChild(node, (child) => visit(child, owner, isStatic));
    };
    for (const name of names) follow(name, one);
    return found;
  }
}

function has(node: ts.Node, kind: ts.SyntaxKind): boolean {
  return (
    ts.canHaveModifiers(node) && (ts.getModifiers(node)?.some((modifier) => modifier.kind === kind) ?? false)
  );
}

/** What a class extends; of `config(import.meta, id, parameters, Base)` the last. */
function nameOfBase(expression: ts.Expression | undefined): string | undefined {
  if (expression === undefined || ts.isIdentifier(expression)) return expression?.text;
  const last = ts.isCallExpression(expression) ? expression.arguments.at(-1) : undefined;
  return last !== undefined && ts.isIdentifier(last) ? last.text : undefined;
}

/** The key of each class that a file may import, by the name that it has there. */
function importsOf(source: ts.SourceFile): Map<string, string> {
  const found = new Map<string, string>();
  for (const node of source.statements) {
    if (!ts.isImportDeclaration(node) || !ts.isStringLiteral(node.moduleSpecifier)) continue;
    const bindings = node.importClause?.namedBindings;
    if (bindings === undefined || !ts.isNamedImports(bindings)) continue;
    const from = join(dirname(source.fileName), node.moduleSpecifier.text);
    for (const { name, propertyName } of bindings.elements)
      found.set(name.text, `${from}:${(propertyName ?? name).text}`);
  }
  return found;
}

function isOfThis({ parent }: ts.ObjectBindingPattern): boolean {
  return ts.isVariableDeclaration(parent) && parent.initializer?.kind === ts.SyntaxKind.ThisKeyword;
}

/** Whether a body changes what the field of `this` holds. */
function mutates(node: ts.Node, name: string): boolean {
  const isField =
    ts.isPropertyAccessExpression(node) &&
    node.expression.kind === ts.SyntaxKind.ThisKeyword &&
    node.name.text === name;
  if (isField) {
    const { target, path } = wholeOf(node);
    const isCall = ts.isCallExpression(target.parent) && target.parent.expression === target;
    if (isCall ? MUTATORS.has(path.at(-1) ?? '') : path.length > 0 && isAssigned(target)) return true;
  }
  return ts.forEachChild(node, (child) => mutates(child, name) || undefined) ?? false;
}

/** Whether something is done to a field, or to what it holds, beyond looking at it. */
function isWritten(node: ts.Node): boolean {
  if (ts.isObjectBindingPattern(node)) return true;
  const { target, path } = wholeOf(node);
  const { parent } = target;
  if (ts.isCallExpression(parent)) return parent.expression === target ? path.length > 0 : path.length === 0;
  if (ts.isForOfStatement(parent) || ts.isSpreadElement(parent)) return true;
  if (ts.isVariableDeclaration(parent)) return path.length === 0;
  return isAssigned(target);
}

/** The longest expression `this.field.a[b]!.c` around a field, and the names behind it. */
function wholeOf(node: ts.Node): { readonly target: ts.Node; readonly path: readonly string[] } {
  const path: string[] = [];
  let target = node;
  for (;;) {
    const { parent } = target;
    if (ts.isPropertyAccessExpression(parent) && parent.expression === target) path.push(parent.name.text);
    else if (ts.isElementAccessExpression(parent) && parent.expression === target) path.push('[]');
    else if (
      !(ts.isNonNullExpression(parent) || ts.isAsExpression(parent) || ts.isParenthesizedExpression(parent))
    )
      return { target, path };
    target = parent;
  }
}

const ASSIGNMENTS = new Set([ts.SyntaxKind.PlusPlusToken, ts.SyntaxKind.MinusMinusToken]);

function isAssigned(target: ts.Node): boolean {
  const { parent } = target;
  // Of `[this.a, this.b] = values`.
  if (ts.isArrayLiteralExpression(parent)) return isAssigned(parent);
  if (ts.isDeleteExpression(parent)) return true;
  if (ts.isPrefixUnaryExpression(parent) || ts.isPostfixUnaryExpression(parent))
    return ASSIGNMENTS.has(parent.operator);
  if (!ts.isBinaryExpression(parent) || parent.left !== target) return false;
  const { kind } = parent.operatorToken;
  return kind >= ts.SyntaxKind.FirstAssignment && kind <= ts.SyntaxKind.LastAssignment;
}
