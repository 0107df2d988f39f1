/** Kinds of measures of trec_eval: which parameters they take, how many values they have, and how those are printed. */
import type { JudgedRanking } from '../judgedRanking.ts';
import * as read from './parameters.ts';

/** What is set once for all measures. */
export interface Settings {
  /** The lowest grade that is relevant (`-l`). */
  readonly level: number;
  /** How many documents the collection has (`-N`); 0 where that is not known. */
  readonly documents: number;
}

/** A number for each topic, and one over all. */
export interface NumberColumn {
  readonly type: 'number';
  readonly name: string;
  /** Printed as an integer. */
  readonly count: boolean;
  /** Printed for each topic too, not for all of them alone. */
  readonly perTopic: boolean;
  /** What is printed for all topics; `topics` is how many there are, `relevant` how many documents have a positive grade. */
  readonly over: 'mean' | 'sum' | 'geometric' | 'topics' | 'relevant';
  /** @param rankings one for each group of judgements */
  evaluate(rankings: readonly JudgedRanking[]): number;
}

/** A text for each topic. */
export interface TextColumn {
  readonly type: 'text';
  readonly name: string;
  text(ranking: JudgedRanking): string;
}

/** The name of the run, once. */
export interface RunColumn {
  readonly type: 'run';
  readonly name: string;
}

export type Column = NumberColumn | TextColumn | RunColumn;

/** Measures of one name. */
export interface TrecFamily {
  readonly name: string;
  /** Which judgements it needs: of one group, of several, or any. */
  readonly judgements: 'qrels' | 'qrels_jg' | 'any';
  /** @param given what stands behind the first dot of the name; undefined for the defaults */
  columns(given: string | undefined, settings: Settings): Column[];
}

type Evaluate = (ranking: JudgedRanking, settings: Settings) => number;
type EvaluateAt = (ranking: JudgedRanking, at: number, settings: Settings) => number;

function numberColumn(
  name: string,
  evaluate: (ranking: JudgedRanking) => number,
  rest: Partial<NumberColumn> = {},
): NumberColumn {
  return {
    type: 'number',
    name,
    count: false,
    perTopic: true,
    over: 'mean',
    evaluate: ([ranking]) => evaluate(ranking as JudgedRanking),
    ...rest,
  };
}

/** One value, without parameters. */
export function plain(name: string, evaluate: Evaluate, rest: Partial<NumberColumn> = {}): TrecFamily {
  return {
    name,
    judgements: 'qrels',
    columns: (_, settings) => [numberColumn(name, (ranking) => evaluate(ranking, settings), rest)],
  };
}

/** Something counted, whose sum is printed. */
export function count(name: string, evaluate: Evaluate, rest: Partial<NumberColumn> = {}): TrecFamily {
  return plain(name, evaluate, { count: true, over: 'sum', ...rest });
}

/** The lowest value that a geometric mean sees. */
const LEAST = 0.00001;

/** A geometric mean over topics, and nothing for each. */
export function geometric(name: string, evaluate: Evaluate): TrecFamily {
  const logarithm: Evaluate = (ranking, settings) => Math.log(Math.max(evaluate(ranking, settings), LEAST));
  return plain(name, logarithm, { over: 'geometric', perTopic: false });
}

/** A value at each of several ranks. */
export function atCutoffs(name: string, defaults: string, evaluate: EvaluateAt): TrecFamily {
  return atEach(name, (given = defaults) => read.cutoffs(name, given), String, evaluate);
}

/** A value at each of several shares or multiples. */
export function atShares(name: string, defaults: string, evaluate: EvaluateAt): TrecFamily {
  return atEach(
    name,
    (given = defaults) => read.shares(name, given),
    (at) => at.toFixed(2),
    evaluate,
  );
}

function atEach(
  name: string,
  places: (given?: string) => readonly number[],
  label: (at: number) => string,
  evaluate: EvaluateAt,
): TrecFamily {
  return {
    name,
    judgements: 'qrels',
    columns: (given, settings) =>
      places(given).map((at) =>
        numberColumn(`${name}_${label(at)}`, (ranking) => evaluate(ranking, at, settings)),
      ),
  };
}

/** Parameters that are not the defaults stand in the name of what they made. */
function named(name: string, given: string | undefined): string {
  return given === undefined ? name : `${name}_${given}`;
}

/** One value from a list of numbers. */
export function fromList(
  name: string,
  defaults: string,
  evaluate: (ranking: JudgedRanking, list: readonly number[], settings: Settings) => number,
  length?: number,
): TrecFamily {
  return {
    name,
    judgements: 'qrels',
    columns: (given, settings) => {
      const list = read.list(name, given ?? defaults, length);
      return [numberColumn(named(name, given), (ranking) => evaluate(ranking, list, settings))];
    },
  };
}

/** One value from pairs. */
export function fromPairs(
  name: string,
  evaluate: (ranking: JudgedRanking, pairs: ReadonlyMap<string, number>, settings: Settings) => number,
): TrecFamily {
  return {
    name,
    judgements: 'qrels',
    columns: (given, settings) => {
      const pairs = given === undefined ? new Map<string, number>() : read.pairs(name, given);
      return [numberColumn(named(name, given), (ranking) => evaluate(ranking, pairs, settings))];
    },
  };
}

/** A text from a number. */
export function text(
  name: string,
  defaults: string,
  write: (ranking: JudgedRanking, at: number) => string,
): TrecFamily {
  return {
    name,
    judgements: 'qrels',
    columns: (given) => {
      const [at = 0] = read.list(name, given ?? defaults);
      return [{ type: 'text', name: named(name, given), text: (ranking) => write(ranking, at) }];
    },
  };
}

/** The mean over groups of judgements. */
export function overGroups(name: string, family: TrecFamily): TrecFamily {
  return {
    name,
    judgements: 'qrels_jg',
    columns: (given, settings) =>
      family.columns(given, settings).map((column) => {
        if (column.type !== 'number') return column;
        return {
          ...column,
          name: name + column.name.slice(family.name.length),
          evaluate: (rankings) =>
            rankings.reduce((sum, each) => sum + column.evaluate([each]), 0) / rankings.length,
        };
      }),
  };
}
