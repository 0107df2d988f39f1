/**
 * Topics of a file.
 */
import { ArgumentError, show } from '../../errors.ts';
import type { FileOptions } from '../../learning/fileIterators.ts';
import { checkOptions } from '../../options.ts';
import type { Topic } from '../types.ts';
import { tableFormat } from './documents.ts';
import { type FormatName, formatOf, identifierIn, JSON_LINES, textIn } from './formats.ts';
import { expectRead } from './lines.ts';
import { type Row, type RowFormat, RowIterator } from './rows.ts';
import { ElementFormat, topicRow } from './sgml.ts';

export interface TopicOptions extends FileOptions {
  /** Default: what the name of the file ends with, such as `.jsonl`, or `.tsv.gz`. */
  readonly format?: FormatName;
  /** Columns of a table, as for documents. */
  readonly columns?: readonly string[] | 'header';
  /**
   * What identifier and text are called; of several texts, one after the other with a blank between. Default `num` and
   * `title` (`trec`, which has `desc` and `narr` besides), `_id` (`jsonl`) or `id`, and `text`.
   */
  readonly fields?: { readonly id?: string; readonly text?: string | readonly string[] };
}

const NAMES = ['format', 'columns', 'fields', 'acceptChanged', 'longestLine'];
const IDS: Readonly<Record<FormatName, string>> = { trec: 'num', jsonl: '_id', tsv: 'id', csv: 'id' };

/**
 * The topics of a file by identifier, in its order, plain or compressed: `trec` (`<top>`, closed tags or not), `jsonl`
 * (BEIR's queries), `tsv` (`id text`, as MS MARCO's), `csv`. What else is in a row stands beside the text.
 *
 * @throws ArgumentError that names file and line: for what cannot be read, and for an identifier that was there before
 */
export async function readTopics(
  path: string,
  options: TopicOptions = {},
): Promise<ReadonlyMap<string, Topic>> {
  const { format, columns, fields, ...file } = checkOptions('readTopics', options, NAMES);
  const name = formatOf(path, format);
  const rows = rowFormat(name, columns, file.longestLine);
  const topics = new Map<string, Topic>();
  const convert = topicIn(fields?.id ?? IDS[name], fields?.text ?? (name === 'trec' ? 'title' : 'text'));
  const iterator = new RowIterator(
    path,
    rows,
    (row) => {
      const topic = convert(row);
      if (topics.has(topic.id)) throw new ArgumentError(`topic ${show(topic.id)} is there twice`);
      topics.set(topic.id, topic);
      return topic;
    },
    file,
  );
  await expectRead(iterator, 'topic');
  return topics;
}

function rowFormat(
  name: FormatName,
  columns: TopicOptions['columns'],
  longest: number | undefined,
): RowFormat {
  switch (name) {
    case 'trec':
      return new ElementFormat('top', topicRow, longest);
    case 'jsonl':
      return JSON_LINES;
    default:
      return tableFormat(name, columns, ['id', 'text'], longest);
  }
}

function topicIn(id: string, text: string | readonly string[]): (row: Row) => Topic {
  const texts = typeof text === 'string' ? [text] : text;
  return (row) => {
    const { [id]: _id, ...rest } = row;
    return { ...rest, id: identifierIn(row, id), text: texts.map((name) => textIn(row, name)).join(' ') };
  };
}
