/** Measures from their names. */
import { ArgumentError, expected } from '../../errors.ts';
import { nearest } from '../../nearest.ts';
import { ALIASES, FAMILIES, type Family, type Parameters } from './families.ts';
import type { Measure } from './measure.ts';
import { NameError, scanName, type Value } from './nameScanner.ts';
import type { Parameter } from './parameter.ts';

/**
 * The measure of a name as ir_measures writes it: `AP`, `nDCG@10`, `nDCG(dcg='exp-log2')@10`, `RR(rel=2)@10`, `RBP(p=0.9,rel=1)`.
 *
 * @throws ArgumentError that says which part of the name was not understood, and which name is nearest
 */
export function parseMeasure(name: string): Measure {
  try {
    return parse(name);
  } catch (error) {
    if (!(error instanceof NameError)) throw error;
    const { message } = expected('the name of a measure, such as nDCG@10,', 'measure', name);
    throw new ArgumentError(`${message}: ${error.message}`);
  }
}

function parse(name: string): Measure {
  if (typeof name !== 'string') throw new NameError('a name is a string');
  const scanned = scanName(name);
  const [familyName, implied] = Object.hasOwn(ALIASES, scanned.family)
    ? (ALIASES[scanned.family] as (typeof ALIASES)[string])
    : ([scanned.family, {}] as const);
  if (!Object.hasOwn(FAMILIES, familyName))
    throw new NameError(unknown('measure', familyName, [...Object.keys(FAMILIES), ...Object.keys(ALIASES)]));
  const family = FAMILIES[familyName] as Family;
  const given = new Map<string, Value>([...Object.entries(implied), ...scanned.parameters]);
  const at = family.at ?? 'cutoff';
  if (scanned.at !== undefined) given.set(Object.hasOwn(family.parameters, at) ? at : '@', scanned.at);
  check(familyName, family, given, at);
  return measure(familyName, family, given, at);
}

function check(familyName: string, family: Family, given: ReadonlyMap<string, Value>, at: string): void {
  if (given.has('@')) throw new NameError(`${familyName} takes no cutoff`);
  for (const [name, value] of given) {
    if (!Object.hasOwn(family.parameters, name))
      throw new NameError(unknown(`parameter of ${familyName}`, name, Object.keys(family.parameters)));
    const { accepts, what } = family.parameters[name] as Parameter;
    if (!accepts(value)) throw new NameError(`${name} of ${familyName} should be ${what}`);
  }
  for (const [name, { required, what }] of Object.entries(family.parameters)) {
    if (required && !given.has(name))
      throw new NameError(`${familyName} needs ${what}${name === at ? ', after @' : ` for ${name}`}`);
  }
}

function unknown(what: string, name: string, known: readonly string[]): string {
  const meant = nearest(name, known);
  const rest = meant === undefined ? `those are ${known.join(', ') || 'none'}` : `did you mean ${meant}?`;
  return `${name} is no ${what}, ${rest}`;
}

function measure(familyName: string, family: Family, given: ReadonlyMap<string, Value>, at: string): Measure {
  const defaults = Object.entries(family.parameters).map(([name, each]) => [name, each.default]);
  const parameters = { ...Object.fromEntries(defaults), ...Object.fromEntries(given) } as Parameters;
  const { evaluate, aggregate = 'mean' } = family;
  return {
    name: write(familyName, family, given, at),
    aggregate,
    evaluate: (ranking) =>
      evaluate(parameters.judged_only === true ? ranking.judgedOnly() : ranking, parameters),
  };
}

/** Defaults are not written, and what stands after @ stands last. */
function write(familyName: string, family: Family, given: ReadonlyMap<string, Value>, at: string): string {
  const written = [...given]
    .filter(([name, value]) => name !== at && value !== family.parameters[name]?.default)
    .map(([name, value]) => `${name}=${family.parameters[name]?.write(value)}`);
  const parameters = written.length === 0 ? '' : `(${written.join(',')})`;
  const last = given.get(at);
  return `${familyName}${parameters}${last === undefined ? '' : `@${family.parameters[at]?.write(last)}`}`;
}
