/**
 * Documents and topics between tags, as TREC has them.
 */
import { ArgumentError } from '../../errors.ts';
import { Pending, type Row, type RowFormat } from './rows.ts';

const TAG = /<!--.*?-->|<\/?[A-Za-z][^<>]*>/gs;
const ENTITIES: Readonly<Record<string, string>> = {
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&apos;': "'",
};

/** One row for all that stands from `<NAME>` to `</NAME>`, each at the beginning and the end of a line. */
export class ElementFormat implements RowFormat {
  readonly #begin: RegExp;
  readonly #end: RegExp;
  readonly #name: string;
  readonly #parse: (content: string) => Row;
  readonly #pending: Pending;

  constructor(name: string, parse: (content: string) => Row, longest?: number) {
    this.#name = name;
    this.#begin = new RegExp(`^\\s*<${name}>`, 'i');
    this.#end = new RegExp(`</${name}>(.*)$`, 'i');
    this.#parse = parse;
    this.#pending = new Pending(longest);
  }

  push(line: string): Row | undefined {
    if (this.#pending.lines === 0) {
      if (line.trim() === '') return undefined;
      if (!this.#begin.test(line)) throw new ArgumentError(`expected <${this.#name}>`);
    } else if (this.#begin.test(line)) {
      throw new ArgumentError(`<${this.#name}>, ${this.#pending.lines} lines above, does not end`);
    }
    this.#pending.add(line);
    const end = this.#end.exec(line);
    if (end === null) return undefined;
    if (end[1]?.trim() !== '') throw new ArgumentError(`expected a new line after </${this.#name}>`);
    return this.#parse(this.#pending.take().replace(this.#begin, '').replace(this.#end, ''));
  }

  finish(): void {
    if (this.#pending.lines > 0)
      throw new ArgumentError(`<${this.#name}> does not end, in the last ${this.#pending.lines} lines`);
  }

  moved(): void {
    this.#pending.clear();
  }
}

export interface DocumentTags {
  /** Elements of the text, default `TEXT`; where a document has none, all is text that is no title. */
  readonly text: readonly string[];
  /** Elements of the title, default `TITLE`, `HEADLINE`, `HEAD`, `HL`, `TTL`, `TI`. */
  readonly title: readonly string[];
}

export const DOCUMENT_TAGS: DocumentTags = {
  text: ['TEXT'],
  title: ['TITLE', 'HEADLINE', 'HEAD', 'HL', 'TTL', 'TI'],
};

/** `id`, `text` and, where there is one, `title` of what stands in a DOC. */
export function documentRow(content: string, tags: DocumentTags): Row {
  const [ids, rest] = cut(content, ['DOCNO']);
  if (ids.length !== 1) throw new ArgumentError(`expected one <DOCNO> in <DOC>, received ${ids.length}`);
  const [titles, body] = cut(rest, tags.title);
  const [texts] = cut(rest, tags.text);
  const id = plain(ids);
  const text = plain(texts.length > 0 ? texts : [body]);
  return titles.length > 0 ? { id, title: plain(titles), text } : { id, text };
}

/** Fields of a topic, and the label with which many files begin each. */
const TOPIC_FIELDS: Readonly<Record<string, RegExp>> = {
  num: /^number:/i,
  title: /^topic:/i,
  desc: /^description:/i,
  narr: /^narrative:/i,
};
const TOPIC_TAG = new RegExp(`<(${Object.keys(TOPIC_FIELDS).join('|')})>`, 'i');

/** `num`, `title`, `desc` and `narr` of what stands in a top; a field ends where the next begins, closed or not. */
export function topicRow(content: string): Row {
  const [, ...parts] = content.split(TOPIC_TAG);
  const row: Record<string, string> = {};
  for (let i = 0; i < parts.length; i += 2) {
    const name = (parts[i] as string).toLowerCase();
    if (Object.hasOwn(row, name)) throw new ArgumentError(`expected one <${name}> in <top>`);
    row[name] = plain([parts[i + 1] as string])
      .replace(TOPIC_FIELDS[name] as RegExp, '')
      .trim();
  }
  return row;
}

/** What stands in the elements, and the rest. @throws ArgumentError for one that does not end */
function cut(content: string, names: readonly string[]): [elements: string[], rest: string] {
  const open = new RegExp(`<(${names.join('|')})(?:\\s[^<>]*)?>`, 'gi');
  const elements: string[] = [];
  let rest = '';
  let from = 0;
  for (let match = open.exec(content); match !== null; match = open.exec(content)) {
    const close = new RegExp(`</${match[1]}>`, 'gi');
    close.lastIndex = open.lastIndex;
    const end = close.exec(content);
    if (end === null) throw new ArgumentError(`<${match[1]}> does not end`);
    elements.push(content.slice(open.lastIndex, end.index));
    rest += `${content.slice(from, match.index)}\n`;
    from = close.lastIndex;
    open.lastIndex = from;
  }
  return [elements, rest + content.slice(from)];
}

/** Without tags and comments, with the characters that XML's five entities stand for. */
function plain(texts: readonly string[]): string {
  const text = texts.map((each) => each.replace(TAG, ' ').trim()).join('\n');
  return text.replace(/&[a-z]+;/g, (entity) => ENTITIES[entity] ?? entity);
}
