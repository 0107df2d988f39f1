/** `xpmir evaluate QRELS RUN...`: what measures say of runs, and whether runs differ. Loads what reads and measures when it is called. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { ArgumentError } from '../errors.ts';
import type { SignificanceTest } from '../ir/significance/compare.ts';
import type { Correction } from '../ir/significance/correction.ts';
import { action } from './action.ts';

/** What commander makes of the options; numbers are read where they are used. */
export interface EvaluateCommandOptions {
  readonly measures: readonly string[];
  readonly format: 'table' | 'trec_eval' | 'json';
  readonly perTopic?: true;
  readonly complete?: true;
  readonly topics?: 'judged' | 'both';
  readonly summary: boolean;
  readonly level?: number;
  readonly depth?: number;
  readonly judgedOnly?: true;
  readonly float32?: true;
  readonly documents?: number;
  readonly zScores?: string;
  readonly judgements: 'qrels' | 'qrels_jg';
  readonly runFormat: 'trec' | 'msmarco';
  readonly baseline?: string;
  readonly compare: boolean;
  readonly test: SignificanceTest;
  readonly correction: Correction;
  readonly alpha: number;
  readonly permutations?: number;
  readonly seed?: number;
}

export function evaluateCommand(): Command {
  const command = new Command('evaluate')
    .description('measure runs against judgements, and test whether runs differ from a baseline')
    .argument('<qrels>', 'a file of judgements, of TREC or BEIR')
    .argument('<run...>', 'files of runs')
    .option(
      '-m, --measures <names>',
      'names with spaces between, such as "nDCG@10 AP"; of trec_eval with --format trec_eval. May be repeated',
      (names: string, before: readonly string[]) => [...before, ...words(names)],
      [],
    )
    .addOption(
      new Option('-f, --format <format>', 'a row for each run, the lines of trec_eval, or all there is')
        .choices(['table', 'trec_eval', 'json'])
        .default('table'),
    )
    .option('-q, --per-topic', 'values of each topic too')
    .option('-c, --complete', 'topics that the run lacks count too, as they do but with --format trec_eval')
    .addOption(
      new Option('--topics <which>', 'all that are judged, or those that are in the run too')
        .choices(['judged', 'both'])
        .conflicts('complete'),
    )
    .option('-M, --depth <count>', 'documents beyond this rank do not count', integer(1))
    .option('-J, --judged-only', 'documents without a judgement are taken out of runs first')
    .option('--float32', 'scores are compared as 32-bit floats, as by trec_eval 9 and pytrec_eval')
    .addOption(
      new Option('--run-format <format>', 'what the runs are').choices(['trec', 'msmarco']).default('trec'),
    );
  return withTrecEval(withComparison(command)).action(
    action(async (qrels: string, runs: readonly string[], options: EvaluateCommandOptions) => {
      if (options.format === 'trec_eval') {
        const { printTrecEval } = await import('./evaluateTrec.ts');
        await printTrecEval(qrels, runs, options);
        return;
      }
      refuseTrecEval(options);
      const { evaluateRuns } = await import('./evaluateRuns.ts');
      const evaluated = await evaluateRuns(qrels, runs, options);
      const { jsonOf, tableOf } = await import('./evaluateShown.ts');
      console.log(options.format === 'json' ? jsonOf(evaluated) : tableOf(evaluated, options));
    }),
  );
}

function withComparison(command: Command): Command {
  return command
    .option('-b, --baseline <run>', 'the run that others are compared with; the first unless it is given')
    .option('--no-compare', 'leave comparisons out')
    .addOption(
      new Option('-t, --test <test>', 'paired and two-sided')
        .choices(['t-test', 'randomisation'])
        .default('t-test'),
    )
    .addOption(
      new Option('--correction <correction>', 'for the number of runs that are compared, measure by measure')
        .choices(['none', 'bonferroni', 'holm'])
        .default('holm'),
    )
    .option('--alpha <p>', 'below which a difference is significant', probability, 0.05)
    .option('--permutations <count>', 'of the randomisation test', integer(1))
    .option('--seed <seed>', 'of the randomisation test', integer(0));
}

function withTrecEval(command: Command): Command {
  return command
    .option('-l, --level <grade>', 'trec_eval: the lowest grade that is relevant', integer(0))
    .option('-n, --no-summary', 'trec_eval: no lines for all topics')
    .option('-N, --documents <count>', 'trec_eval: how many documents there are', integer(0))
    .option('-Z, --z-scores <file>', 'trec_eval: deviations from the means of other runs')
    .addOption(
      new Option('-R, --judgements <format>', 'trec_eval: judgements of one group, or of several')
        .choices(['qrels', 'qrels_jg'])
        .default('qrels'),
    );
}

/** What says nothing to measures whose names say it themselves. */
function refuseTrecEval({ level, summary, documents, zScores, judgements }: EvaluateCommandOptions): void {
  const given = {
    '--level': level !== undefined,
    '--no-summary': !summary,
    '--documents': documents !== undefined,
    '--z-scores': zScores !== undefined,
    '--judgements': judgements !== 'qrels',
  };
  const first = Object.entries(given).find(([, is]) => is)?.[0];
  if (first === undefined) return;
  const instead = first === '--level' ? '; a measure says it itself, as AP(rel=2) does' : '';
  throw new ArgumentError(`${first} is for --format trec_eval${instead}`);
}

export function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}

function integer(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= least) return value;
    throw new InvalidArgumentError(`It should be an integer of at least ${least}.`);
  };
}

function probability(text: string): number {
  const value = Number(text);
  if (value > 0 && value < 1) return value;
  throw new InvalidArgumentError('It should be a number above 0 and below 1.');
}
