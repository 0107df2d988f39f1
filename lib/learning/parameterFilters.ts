/**
 * Which parameters an optimizer takes.
 */

import { wrong } from '../experiment/accept.ts';
import { config } from '../experiment/config.ts';
import { nameOf } from '../experiment/declaration.ts';
import { param } from '../experiment/parameters.ts';
import { list, optional, string } from '../experiment/types.ts';
import { regex } from './regex.ts';

/** Takes every parameter. */
export class ParameterFilter extends config(import.meta, 'xpmir.learning.optim.ParameterFilter', {}) {
  /** Of a name as `namedParameters()` gives it, such as `encoder.layers.0.weight`. */
  accepts(_name: string): boolean {
    return true;
  }
}

export interface RegexParameterFilterOptions {
  /** Regular expressions, found anywhere in the name. */
  readonly includes?: readonly string[];
  readonly excludes?: readonly string[];
}

/**
 * Takes by name: what any of `includes` matches is taken; of the rest nothing without `excludes`, otherwise what none of
 * `excludes` matches. With both, `includes` names exceptions to `excludes`.
 */
export class RegexParameterFilter extends config(
  import.meta,
  'xpmir.learning.optim.RegexParameterFilter',
  { includes: param(optional(list(string))), excludes: param(optional(list(string))) },
  ParameterFilter,
) {
  /** @throws ArgumentError for what is no regular expression, and when neither list is given */
  constructor(options: RegexParameterFilterOptions) {
    super(options);
    this.validate();
  }

  override validate(): void {
    const { includes, excludes } = this;
    if (includes === undefined && excludes === undefined)
      throw wrong(nameOf(this), 'includes or excludes', {});
    for (const list of ['includes', 'excludes'] as const) {
      for (const [i, source] of (this[list] ?? []).entries()) regex(source, `${nameOf(this)}.${list}[${i}]`);
    }
  }

  override accepts(name: string): boolean {
    const matches = (sources: readonly string[]) =>
      sources.some((each) => regex(each, nameOf(this)).test(name));
    if (this.includes !== undefined && matches(this.includes)) return true;
    return this.excludes !== undefined && !matches(this.excludes);
  }
}
