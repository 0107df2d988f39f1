/** Runs and judgements that have nothing in common: values of 0 that would say nothing of a ranker. */
import { ArgumentError, show } from '../../errors.ts';

/** Topics by identifier, such as a Map or a Set. */
interface Topics extends Iterable<unknown> {
  readonly size: number;
  keys(): Iterator<string>;
}

/** What is thrown where no topic of a run is judged: how many each side has, and what one of each is called. */
export function noneJudged(run: Topics, qrels: Topics): ArgumentError {
  return new ArgumentError(
    `Expected a run about judged topics but the run has ${sample(run)}, and the judgements have ${sample(qrels)}`,
  );
}

function sample(topics: Topics): string {
  const { done, value } = topics.keys().next();
  const example = done === true ? '' : `, such as ${show(value)}`;
  return `${topics.size} ${topics.size === 1 ? 'topic' : 'topics'}${example}`;
}

/** Whether any document of a run has a judgement for its topic. */
export function anyJudged(
  run: ReadonlyMap<string, ReadonlyMap<string, number>>,
  isJudged: (topic: string, document: string) => boolean,
): boolean {
  for (const [topic, documents] of run)
    for (const document of documents.keys()) if (isJudged(topic, document)) return true;
  return false;
}
