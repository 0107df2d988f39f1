/**
 * What stands around one text or two. Every post-processor is a template for each case; the library's give tokens without
 * ids, take an empty second text for none, and cannot say what they added.
 */
import type { Encoding } from './encoding.ts';
import { type Fields, fault, isId } from './fields.ts';

/** Tokens that stand there, or the place of a text. */
type Part =
  | { readonly ids: readonly number[]; readonly typeId: number }
  | { readonly text: 0 | 1; readonly typeId: number };

interface Templates {
  readonly single: readonly Part[];
  readonly pair: readonly Part[];
}

const PLAIN: Templates = {
  single: [{ text: 0, typeId: 0 }],
  pair: [
    { text: 0, typeId: 0 },
    { text: 1, typeId: 1 },
  ],
};

const TYPES = ['BertProcessing', 'ByteLevel', 'RobertaProcessing', 'Sequence', 'TemplateProcessing'] as const;

export class PostProcessor {
  readonly #templates: Templates;

  /** @throws ArgumentError for one that is not known */
  constructor(config: Fields | undefined) {
    this.#templates = config === undefined ? PLAIN : templatesOf(config);
  }

  /** How many tokens stand around. */
  added(isPair: boolean): number {
    const parts = isPair ? this.#templates.pair : this.#templates.single;
    return parts.reduce((sum, part) => sum + ('ids' in part ? part.ids.length : 0), 0);
  }

  process(texts: readonly (readonly number[])[], addSpecialTokens: boolean): Encoding {
    const ids: number[] = [];
    const typeIds: number[] = [];
    const specialTokensMask: number[] = [];
    for (const part of texts.length === 1 ? this.#templates.single : this.#templates.pair) {
      const isSpecial = 'ids' in part;
      if (isSpecial && !addSpecialTokens) continue;
      for (const id of isSpecial ? part.ids : (texts[part.text] as readonly number[])) {
        ids.push(id);
        typeIds.push(part.typeId);
        specialTokensMask.push(isSpecial ? 1 : 0);
      }
    }
    return { ids, typeIds, attentionMask: ids.map(() => 1), specialTokensMask };
  }
}

function templatesOf(config: Fields): Templates {
  switch (config.oneOf('type', TYPES)) {
    case 'BertProcessing':
      return classic(config, 1, false);
    case 'RobertaProcessing':
      return classic(config, 0, true);
    case 'TemplateProcessing':
      return template(config);
    case 'ByteLevel': // It changes where tokens stand in the text, which is not told here.
      return PLAIN;
    case 'Sequence': {
      const parts = config.objects('processors').filter((part) => part.string('type') !== 'ByteLevel');
      if (parts.length > 1)
        throw fault('at most one post-processor beside ByteLevel', config.at('processors'), parts);
      if (parts[0]?.string('type') === 'Sequence')
        throw fault('no sequence in a sequence', config.name, 'Sequence');
      return parts[0] === undefined ? PLAIN : templatesOf(parts[0]);
    }
  }
}

function classic(config: Fields, second: number, twice: boolean): Templates {
  const token = (key: string, typeId: number): Part => {
    const [name, id] = config.list(key);
    if (typeof name !== 'string' || !isId(id))
      throw fault('a token and its id', config.at(key), config.list(key));
    return { ids: [id], typeId };
  };
  const single: Part[] = [token('cls', 0), { text: 0, typeId: 0 }, token('sep', 0)];
  const between = twice ? [token('sep', second)] : [];
  return { single, pair: [...single, ...between, { text: 1, typeId: second }, token('sep', second)] };
}

function template(config: Fields): Templates {
  const special = config.part('special_tokens');
  const read = (key: string, wanted: string): Part[] => {
    const parts = config.objects(key).map((part) => templatePart(part, special));
    const found = parts.flatMap((part) => ('text' in part ? [part.text] : [])).sort();
    if (String(found) !== wanted) throw fault('each text once', config.at(key), config.list(key));
    return parts;
  };
  return { single: read('single', '0'), pair: read('pair', '0,1') };
}

function templatePart(part: Fields, special: Fields): Part {
  if (part.has('Sequence')) {
    const sequence = part.part('Sequence');
    const text = sequence.oneOf('id', ['A', 'B']) === 'A' ? 0 : 1;
    return { text, typeId: sequence.integer('type_id', 0) };
  }
  const token = part.part('SpecialToken');
  const definition = special.part(token.string('id'));
  const ids = definition.list('ids');
  if (!ids.every(isId)) throw fault('ids', definition.at('ids'), ids);
  return { ids, typeId: token.integer('type_id', 0) };
}
