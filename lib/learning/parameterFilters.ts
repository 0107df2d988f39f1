/**
 * Which parameters an optimizer takes.
 */
import { types } from 'node:util';
import { list, optional, readOptions, wrong } from './options.ts';

/** Takes every parameter. */
export class ParameterFilter {
  /** @param name as `namedParameters()` gives it, such as `encoder.layers.0.weight` */
  accepts(_name: string): boolean {
    return true;
  }
}

export interface RegexParameterFilterOptions {
  /** Regular expressions, found anywhere in the name. */
  readonly includes?: readonly (string | RegExp)[];
  readonly excludes?: readonly (string | RegExp)[];
}

/**
 * Takes by name: what any of `includes` matches is taken; of the rest nothing without `excludes`, otherwise what none of
 * `excludes` matches. With both, `includes` names exceptions to `excludes`.
 */
export class RegexParameterFilter extends ParameterFilter {
  readonly includes: readonly RegExp[] | undefined;
  readonly excludes: readonly RegExp[] | undefined;

  constructor(options: RegexParameterFilterOptions) {
    super();
    const { includes, excludes } = readOptions('regexParameterFilter', options, {
      includes: optional(list(regex), undefined),
      excludes: optional(list(regex), undefined),
    });
    if (includes === undefined && excludes === undefined)
      throw wrong('regexParameterFilter', 'includes or excludes', options);
    this.includes = includes;
    this.excludes = excludes;
  }

  override accepts(name: string): boolean {
    if (this.includes?.some((each) => each.test(name))) return true;
    return this.excludes !== undefined && !this.excludes.some((each) => each.test(name));
  }
}

/** Without the flags g and y, which would make a match depend on the one before. */
function regex(value: unknown, path: string): RegExp {
  if (types.isRegExp(value)) return new RegExp(value.source, value.flags.replace(/[gy]/g, ''));
  if (typeof value !== 'string') throw wrong(path, 'a regular expression', value);
  try {
    return new RegExp(value, 'u');
  } catch (error) {
    const reason = types.isNativeError(error) ? error.message : String(error);
    throw wrong(path, `a regular expression (${reason})`, value);
  }
}
