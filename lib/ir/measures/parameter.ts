/** Parameters of measures: what they may be, and how ir_measures writes them. */
import type { Value } from './nameScanner.ts';

/** What a parameter may be. */
export interface Parameter {
  /** For messages. */
  readonly what: string;
  readonly default?: Value;
  /** It must be given. */
  readonly required?: true;
  accepts(value: Value): boolean;
  write(value: Value): string;
}

function parameter(what: string, accepts: Parameter['accepts'], rest: Partial<Parameter> = {}): Parameter {
  return { what, accepts, write: String, ...rest };
}

const isInteger = (least: number) => (value: Value) =>
  Number.isSafeInteger(value) && (value as number) >= least;

/** Python shows that a number is no integer. */
const writeReal = (value: Value) => (Number.isInteger(value) ? `${value}.0` : String(value));

export const cutoff = parameter('an integer of at least 1', isInteger(1));
export const requiredCutoff: Parameter = { ...cutoff, required: true };
export const rel = parameter('an integer of at least 0', isInteger(0), { default: 1 });
export const optionalRel = parameter(rel.what, rel.accepts);

export const flag = parameter('True or False', (value) => typeof value === 'boolean', {
  default: false,
  write: (value) => (value === true ? 'True' : 'False'),
});

export const share = parameter('a number from 0 to 1', (v) => typeof v === 'number' && v >= 0 && v <= 1, {
  required: true,
  write: writeReal,
});

export const persistence = parameter(
  'a number above 0 and below 1',
  (v) => typeof v === 'number' && v > 0 && v < 1,
  {
    default: 0.8,
    write: writeReal,
  },
);

export const beta = parameter(
  'a number of at least 0',
  (v) => typeof v === 'number' && v >= 0 && v < Infinity,
  {
    default: 1,
    write: writeReal,
  },
);

export const dcgKind = parameter(
  "'log2' or 'exp-log2'",
  (value) => value === 'log2' || value === 'exp-log2',
  {
    default: 'log2',
    write: (value) => `'${value}'`,
  },
);

export const gains = parameter('gains by grade, such as {1:2,2:5}', (value) => value instanceof Map, {
  write: (value) =>
    `{${[...(value as ReadonlyMap<number, number>)]
      .filter(([grade, gain]) => grade !== gain)
      .sort(([a], [b]) => a - b)
      .map(([grade, gain]) => `${grade}:${gain}`)
      .join(',')}}`,
});
