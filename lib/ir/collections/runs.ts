/**
 * Runs in files: TREC's and MS MARCO's.
 */
import { ArgumentError, expected, show } from '../../errors.ts';
import { checkOptions } from '../../options.ts';
import { ranked } from '../measures/ranking.ts';
import type { Run } from '../types.ts';
import { expectWord, fieldsOf, firstFieldsOf, isComment, scoreOf } from './fields.ts';
import { type Dropped, JOIN_OPTIONS, Join, type JoinOptions } from './join.ts';
import { expectSome, forEachLine, writeLines } from './lines.ts';
import { addOnce } from './qrels.ts';

/** A run, and what its file calls it. */
export type TaggedRun = Run & { readonly tag: string };
export type ReadRun = TaggedRun & { readonly dropped: Dropped };

export interface ReadRunOptions extends JoinOptions {
  /**
   * `trec` (the default): `topic Q0 document rank score tag`, where the score decides and the rank is not looked at;
   * `msmarco`: `topic document rank`, whose score is 1 / rank.
   */
  readonly format?: 'trec' | 'msmarco';
}

export interface WriteRunOptions {
  /** Names the run, default its own tag, or `xpmir`. */
  readonly tag?: string;
}

const TREC_FIELDS = ['topic', 'Q0', 'document', 'rank', 'score', 'tag'];
const MSMARCO_FIELDS = ['topic', 'document', 'rank'];

/** Topic, document, score and tag of a line. */
type RunLine = readonly [topic: string, document: string, score: number, tag: string];

const FORMATS: Readonly<Record<string, (line: string) => RunLine>> = {
  trec(line) {
    const [topic = '', , document = '', , score = '', tag = ''] = firstFieldsOf(line, TREC_FIELDS);
    return [topic, document, scoreOf(score), tag];
  },
  msmarco(line) {
    const [topic = '', document = '', rank = ''] = fieldsOf(line, MSMARCO_FIELDS);
    if (!/^[1-9]\d*$/.test(rank))
      throw new ArgumentError(`expected a positive integer as the rank, received ${show(rank)}`);
    return [topic, document, 1 / Number(rank), 'msmarco'];
  },
};

/**
 * The run of a file, plain or compressed. As for trec_eval, its tag is that of the last line, and blank lines, comments (`#`)
 * and what stands behind the tag are left out.
 *
 * @throws ArgumentError that names file and line: for a missing field, a score that is no finite number, and a
 * document that the topic has before, as for trec_eval; and for topics and documents that are not there, with their
 * number, where `options` say what is
 */
export async function readRun(path: string, options: ReadRunOptions = {}): Promise<ReadRun> {
  const { format = 'trec', ...joined } = checkOptions('readRun', options, ['format', ...JOIN_OPTIONS]);
  const join = new Join(joined);
  const parse = Object.hasOwn(FORMATS, format) ? FORMATS[format] : undefined;
  if (parse === undefined) throw expected(`one of ${Object.keys(FORMATS).join(', ')}`, 'format', format);
  const run = new Map<string, Map<string, number>>();
  let last = '';
  const lines = await forEachLine(path, (line, _number, place) => {
    if (isComment(line)) return;
    const [topic, document, score, tag] = parse(line);
    last = tag;
    if (join.takes(topic, [document], place)) addOnce(run, topic, document, score);
  });
  join.finish();
  expectSome(path, lines, 'line');
  return Object.assign(run, { tag: last, dropped: join.dropped });
}

/**
 * Writes a run as TREC does, `topic Q0 document rank score tag`: best first, equal scores by document, descending, ranks
 * from 1; compressed where the name ends with `.gz`.
 */
export async function writeRun(
  path: string,
  run: Run | TaggedRun,
  options: WriteRunOptions = {},
): Promise<void> {
  const { tag = 'tag' in run ? run.tag : 'xpmir' } = checkOptions('writeRun', options, ['tag']);
  await writeLines(path, trecLines(run, expectWord(tag, 'tag')));
}

function* trecLines(run: Run, tag: string): Generator<string> {
  for (const [topic, scores] of run) {
    expectWord(topic, 'topic');
    for (const [index, document] of ranked(topic, scores).entries()) {
      const score = scores.get(document) as number;
      if (!Number.isFinite(score)) throw expected('a finite number', `score of ${document}`, score);
      yield `${topic} Q0 ${expectWord(document, 'document')} ${index + 1} ${score} ${tag}`;
    }
  }
}
