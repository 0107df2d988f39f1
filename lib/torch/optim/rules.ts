import { ArgumentRangeError, expected } from '../../errors.ts';

/** Checks one option; throws when its value is not allowed. */
export type Rule = (value: unknown, name: string) => void;

/** What to check of each option; its keys are the options that exist. */
export type Rules<O> = { readonly [Name in keyof Required<O>]: Rule };

/** A number that satisfies `holds`; `message` is the sentence up to the value, as PyTorch words it. */
export function number(message: string, holds: (value: number) => boolean = (value) => value >= 0): Rule {
  return (value, name) => {
    if (typeof value !== 'number') throw expected('a number', name, value);
    if (!holds(value)) throw new ArgumentRangeError(`${message}: ${value}`);
  };
}

/** Either null or what `rule` accepts. */
export function nullable(rule: Rule): Rule {
  return (value, name) => {
    if (value !== null) rule(value, name);
  };
}

/** A pair of values, each with its own rule. */
export function pair(first: Rule, second: Rule): Rule {
  return (value, name) => {
    if (!Array.isArray(value) || value.length !== 2) throw expected('an array of two', name, value);
    first(value[0], `${name}[0]`);
    second(value[1], `${name}[1]`);
  };
}

export const flag: Rule = (value, name) => {
  if (typeof value !== 'boolean') throw expected('true or false', name, value);
};

/** Rules that several algorithms share. */
export const lr = number('Invalid learning rate');
export const eps = number('Invalid epsilon value');
export const weightDecay = number('Invalid weightDecay value');
export const betas = pair(beta(0), beta(1));

function beta(index: number): Rule {
  return number(`Invalid beta parameter at index ${index}`, (value) => value >= 0 && value < 1);
}

/**
 * Checks every option against its rule.
 *
 * @param also names that are accepted as they are
 * @throws ArgumentError for an option that does not exist, with the one that was meant if it only differs in spelling.
 */
export function checkOptions(
  owner: string,
  rules: Readonly<Record<string, Rule>>,
  options: object,
  also?: Also,
): void {
  for (const [name, value] of Object.entries(options)) {
    if (Object.hasOwn(rules, name)) rules[name]!(value, name);
    else if (!also?.has(name)) throw unknownOption(owner, Object.keys(rules), name);
  }
}

type Also = ReadonlySet<string>;

function unknownOption(owner: string, known: readonly string[], name: string): Error {
  const meant = known.find((one) => plain(one) === plain(name));
  return expected(meant ?? `one of ${known.join(', ')}`, `option name of ${owner}`, name);
}

function plain(name: string): string {
  return name.replaceAll('_', '').toLowerCase();
}
