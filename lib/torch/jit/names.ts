/** How what is traced, and its arguments, are called in Python. */
import { expected } from '../../errors.ts';

const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** Python's, and names that mean something else, or are called otherwise, in the text that TorchScript is saved as. */
const RESERVED = new Set(
  (
    'False None True and as assert async await break class continue def del elif else except finally for from global if ' +
    'import in is lambda nonlocal not or pass raise return try while with yield ' +
    'CONSTANTS Ellipsis NoneType _ __torch__ aten attribute fork getattr inf infj nan nanj ops self torch unchecked_cast ' +
    'uninitialized'
  ).split(' '),
);

export function isFreeName(name: unknown): boolean {
  return typeof name === 'string' && IDENTIFIER.test(name) && !RESERVED.has(name);
}

/** @throws ArgumentError for names that TorchScript cannot have, and for one twice */
export function argumentNamesOf(names: readonly string[] | undefined, count: number): readonly string[] {
  if (names === undefined)
    return Array.from({ length: count }, (_, i) => (count === 1 ? 'input' : `input_${i}`));
  if (!Array.isArray(names) || names.length !== count)
    throw expected(`${count} names`, 'argumentNames', names);
  for (const [i, name] of names.entries()) {
    if (!isFreeName(name))
      throw expected('a name as Python has them, not one of TorchScript,', `argumentNames[${i}]`, name);
  }
  if (new Set(names).size !== names.length) throw expected('distinct names', 'argumentNames', names);
  return names;
}
