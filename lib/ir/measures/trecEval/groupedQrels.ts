/** Judgements of several groups in a file: the second field names the group. */
import { ArgumentError, show } from '../../../errors.ts';
import { fieldsOf, gradeOf, isComment } from '../../collections/fields.ts';
import { expectSome, forEachLine } from '../../collections/lines.ts';
import type { GroupedQrels } from './report.ts';

const FIELDS = ['topic', 'group', 'document', 'grade'];

/**
 * Judgements by topic, group and document: `topic group document grade`.
 *
 * @throws ArgumentError that names file and line, for a document too that a group judged twice for a topic
 */
export async function readGroupedQrels(path: string): Promise<GroupedQrels> {
  const qrels = new Map<string, Map<string, Map<string, number>>>();
  const lines = await forEachLine(path, (line) => {
    if (isComment(line)) return;
    const [topic = '', group = '', document = '', grade = ''] = fieldsOf(line, FIELDS);
    const judgements = mapIn(mapIn(qrels, topic), group);
    if (judgements.has(document))
      throw new ArgumentError(`document ${show(document)} is there twice for topic ${show(topic)}`);
    judgements.set(document, gradeOf(grade));
  });
  expectSome(path, lines, 'judgement');
  return qrels;
}

/** The map of a key, made where there is none. */
export function mapIn<V>(maps: Map<string, Map<string, V>>, key: string): Map<string, V> {
  let map = maps.get(key);
  if (map === undefined) {
    map = new Map();
    maps.set(key, map);
  }
  return map;
}
