import { expected } from '../../errors.ts';
import { titleAndText } from '../../ir/collections/documents.ts';
import type { Document, Topic } from '../../ir/types.ts';

/** What models read of a document: its title, where it has one, then its text, as BEIR has it. */
export function documentText(document: Document): string {
  const { id, text } = document;
  if (typeof text !== 'string') throw expected('a text', `the text of document ${id}`, text);
  return titleAndText(document);
}

/** @throws ArgumentError for a topic without text: every document would be as good */
export function topicText({ id, text }: Topic): string {
  if (typeof text !== 'string' || text.trim() === '')
    throw expected('some text', `the text of topic ${id}`, text);
  return text;
}
