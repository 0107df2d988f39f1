/**
 * Judgements in files: TREC's, which MS MARCO's are too, and BEIR's.
 */
import { ArgumentError, show } from '../../errors.ts';
import { checkOptions } from '../../options.ts';
import type { Qrels } from '../types.ts';
import { expectWord, fieldsOf, gradeOf, isComment, tabbedFieldsOf } from './fields.ts';
import { type Dropped, JOIN_OPTIONS, Join, type JoinOptions } from './join.ts';
import { expectSome, forEachLine, writeLines } from './lines.ts';

export type JoinedQrels = Qrels & { readonly dropped: Dropped };

/** With it begins a file of BEIR. */
const BEIR_FIELDS = ['query-id', 'corpus-id', 'score'];
const BEIR_HEADER = BEIR_FIELDS.join('\t');
const TREC_FIELDS = ['topic', 'iteration', 'document', 'grade'];

/**
 * Judgements of a file, plain or compressed: `topic iteration document grade` between white space, or between tabs
 * `topic document grade` below BEIR's header `query-id corpus-id score`. Blank lines and comments
 * (`#`) are left out.
 *
 * @throws ArgumentError that names file and line: for a missing or further field, a grade that is no integer, and a
 * document that was judged for the topic before, as for trec_eval; and for topics and documents that are not there, with
 * their number, where `options` say what is
 */
export async function readQrels(path: string, options: JoinOptions = {}): Promise<JoinedQrels> {
  const join = new Join(checkOptions('readQrels', options, JOIN_OPTIONS));
  const qrels = new Map<string, Map<string, number>>();
  let parse = trecJudgement;
  const lines = await forEachLine(path, (line, number, place) => {
    if (number === 1 && line === BEIR_HEADER) {
      parse = beirJudgement;
      return;
    }
    if (isComment(line)) return;
    const [topic, document, grade] = parse(line);
    const value = gradeOf(grade);
    if (join.takes(topic, [document], place)) addOnce(qrels, topic, document, value);
  });
  join.finish();
  expectSome(path, parse === beirJudgement ? lines - 1 : lines, 'judgement');
  return Object.assign(qrels, { dropped: join.dropped });
}

/** Writes judgements as TREC does: `topic 0 document grade`; compressed where the name ends with `.gz`. */
export function writeQrels(path: string, qrels: Qrels): Promise<void> {
  return writeLines(path, trecLines(qrels));
}

function* trecLines(qrels: Qrels): Generator<string> {
  for (const [topic, judgements] of qrels) {
    expectWord(topic, 'topic');
    for (const [document, grade] of judgements)
      yield `${topic} 0 ${expectWord(document, 'document')} ${gradeOf(String(grade))}`;
  }
}

function trecJudgement(line: string): [topic: string, document: string, grade: string] {
  const [topic = '', , document = '', grade = ''] = fieldsOf(line, TREC_FIELDS);
  return [topic, document, grade];
}

function beirJudgement(line: string): [topic: string, document: string, grade: string] {
  const [topic = '', document = '', grade = ''] = tabbedFieldsOf(line, BEIR_FIELDS);
  return [topic, document, grade];
}

/** @throws ArgumentError where the topic has the document already */
export function addOnce(
  to: Map<string, Map<string, number>>,
  topic: string,
  document: string,
  value: number,
): void {
  const values = to.get(topic) ?? new Map<string, number>();
  if (values.size === 0) to.set(topic, values);
  const before = values.size;
  values.set(document, value);
  if (values.size === before)
    throw new ArgumentError(`document ${show(document)} is there twice for topic ${show(topic)}`);
}
