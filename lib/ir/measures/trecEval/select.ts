/** Which columns names of trec_eval's stand for. */
import { ArgumentError, expected } from '../../../errors.ts';
import { nearest } from '../../../nearest.ts';
import type { Column, Settings } from './columns.ts';
import { NICKNAMES, TREC_FAMILIES } from './families.ts';

/**
 * The columns of measures, in trec_eval's order whatever the order of the names.
 *
 * @param names as `-m` takes them: `map`, `P.5,10`, `official`, `all_trec`, `set`, `qrels_jg`
 * @throws ArgumentError for an unknown name, for parameters that do not fit, and for measures of other judgements
 */
export function columnsOf(
  names: readonly string[],
  judgements: 'qrels' | 'qrels_jg',
  settings: Settings,
): Column[] {
  const wanted = new Map<string, string | undefined>();
  for (const given of names) {
    const dot = given.indexOf('.');
    const name = dot < 0 ? given : given.slice(0, dot);
    const parameters = dot < 0 ? undefined : given.slice(dot + 1);
    if (parameters === '') throw expected('parameters after the dot', 'measure', given);
    // The first parameters that a measure is given count, as in trec_eval.
    for (const each of memberNames(name)) wanted.set(each, wanted.get(each) ?? parameters);
  }
  const families = TREC_FAMILIES.filter(({ name }) => wanted.has(name));
  const other = families.find((family) => family.judgements !== 'any' && family.judgements !== judgements);
  if (other !== undefined)
    throw new ArgumentError(`${other.name} is measured with judgements of format ${other.judgements} alone`);
  return families.flatMap((family) => family.columns(wanted.get(family.name), settings));
}

function memberNames(name: string): readonly string[] {
  if (Object.hasOwn(NICKNAMES, name)) return NICKNAMES[name] as readonly string[];
  if (TREC_FAMILIES.some((family) => family.name === name)) return [name];
  const known = [...TREC_FAMILIES.map((family) => family.name), ...Object.keys(NICKNAMES)];
  const { message } = expected("a name of trec_eval's", 'measure', name);
  const meant = nearest(name, known);
  throw new ArgumentError(meant === undefined ? message : `${message}: did you mean ${meant}?`);
}
