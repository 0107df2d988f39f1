/** What stands in the files of a TorchScript archive, before libtorch reads it by recursion and with trust in its numbers. */
import type { ArchiveEntry } from '../io/archive.ts';
import { checkPickle, PickleError } from './pickle.ts';

/** Of brackets, of blocks, and of operators one after the other: what PyTorch writes has some dozens at most. */
const DEEPEST_CODE = 300;
const LONGEST_CHAIN = 2000;

/** Pickles that libtorch reads. Of a traced module there is one with the inputs, too, which it asks nobody for. */
const isRead = /^(?:data|constants)\.pkl$|^code\/.*\.debug_pkl$/;

/** Says what is wrong in the files of an archive; undefined where nothing is. */
export function contentProblem(entries: ReadonlyMap<string, ArchiveEntry>): string | undefined {
  for (const [name, entry] of entries) {
    const problem = isRead.test(name)
      ? pickleProblem(name, entry, entries)
      : name.startsWith('code/') && name.endsWith('.py')
        ? codeProblem(Buffer.from(entry.read()).toString('latin1'))
        : name === 'version' && !/^\d{1,6}\s*$/.test(Buffer.from(entry.read()).toString('latin1'))
          ? 'is no number'
          : undefined;
    if (problem !== undefined) return `${name} ${problem}`;
  }
  return undefined;
}

/** `data.pkl` has its storages in `data/`, `constants.pkl` in `constants/`. */
function pickleProblem(
  name: string,
  entry: ArchiveEntry,
  entries: ReadonlyMap<string, ArchiveEntry>,
): string | undefined {
  const folder = `${name.replace(/\.pkl$/, '')}/`;
  try {
    checkPickle(entry.read(), (key) => entries.get(folder + key)?.size);
    return undefined;
  } catch (error) {
    if (error instanceof PickleError) return error.message;
    throw error;
  }
}

/** Code is read and compiled by recursion. */
function codeProblem(code: string): string | undefined {
  let [depth, chain] = [0, 0];
  const spaces = /^ */;
  for (const line of withoutTexts(code).split('\n')) {
    if ((spaces.exec(line) as RegExpExecArray)[0].length / 2 > DEEPEST_CODE)
      return 'has blocks that nest too deep';
    if (depth === 0) chain = 0;
    for (const [token] of line.matchAll(
      /[([{]|[)\]}]|,|[-+*/%~@|&^<>=.]|\b(?:not|and|or|if|else|in|is)\b/g,
    )) {
      if ('([{'.includes(token)) depth++;
      if (')]}'.includes(token)) depth--;
      else chain++;
      if (token === ',') chain = 0;
      if (depth > DEEPEST_CODE || chain > LONGEST_CHAIN) return 'has an expression that nests too deep';
    }
  }
  return undefined;
}

/** Strings and comments are no code. */
function withoutTexts(code: string): string {
  return code.replaceAll(/"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|#[^\n]*/g, '');
}
