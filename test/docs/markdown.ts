/** The pages of documentation, their code blocks with what stands hidden around these, and their links. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../', import.meta.url));

const guides = readdirSync(new URL('../../docs/', import.meta.url), { recursive: true, encoding: 'utf8' });
/** Relative to the project's folder, README first. */
export const pages: readonly string[] = [
  'README.md',
  ...guides
    .filter((name) => name.endsWith('.md'))
    .sort()
    .map((name) => `docs/${name}`),
];

export const readPage = (page: string): string =>
  readFileSync(new URL(`../../${page}`, import.meta.url), 'utf8');

/** A run of lines that belong together. */
interface Piece {
  /** `with`, `then` and `prints` are comments that begin so, which no reader sees. */
  readonly kind: 'code' | 'with' | 'then' | 'prints' | 'text';
  /** Of its first line, from 1. */
  readonly line: number;
  readonly language: string;
  readonly text: string;
}

const FENCE = '```';
const hidden = /^<!-- (with|then|prints)\b *(.*)$/;

/** Code, hidden comments, and each other line that is not empty. */
function pieces(markdown: string): Piece[] {
  const lines = markdown.split('\n');
  const found: Piece[] = [];
  for (let at = 0; at < lines.length; ) {
    const first = lines[at] as string;
    const [line, comment] = [at + 1, hidden.exec(first)];
    at++;
    if (first.startsWith(FENCE)) {
      const end = lines.indexOf(FENCE, at);
      const text = lines.slice(at, end).join('\n');
      found.push({ kind: 'code', line, language: first.slice(FENCE.length), text });
      at = end + 1;
    } else if (comment !== null) {
      const kind = comment[1] as Piece['kind'];
      const rest = [comment[2] as string];
      while (!rest.at(-1)?.endsWith('-->')) rest.push(lines[at++] as string);
      const text = rest.join('\n').slice(0, -'-->'.length).trim();
      found.push({ kind, line, language: '', text });
    } else if (first.trim() !== '') {
      found.push({ kind: 'text', line, language: '', text: first });
    }
  }
  return found;
}

export interface Block {
  readonly page: string;
  /** Of its first fence. */
  readonly line: number;
  readonly language: string;
  readonly code: string;
  /** What a test puts before it, and behind. */
  readonly before: string;
  readonly after: string;
  /** Its whole output, `…` for anything; undefined where it does not matter. */
  readonly prints: string | undefined;
}

/** Said in the code, `// prints TEXT` once for each line, or else in a comment behind the block. */
function printed(code: string, behind: readonly Piece[]): string | undefined {
  const said = [...code.matchAll(/(?:\/\/|#) prints (.+)$/gm)].map(([, text]) => text as string);
  return said.length > 0 ? said.join('\n') : behind.find(({ kind }) => kind === 'prints')?.text;
}

/** @throws where a hidden comment is not beside a block */
export function blocksOf(page: string): Block[] {
  const all = pieces(readPage(page));
  const used = new Set<Piece>();
  const blocks = all.flatMap((piece, i): Block[] => {
    if (piece.kind !== 'code') return [];
    const before = all[i - 1]?.kind === 'with' ? [all[i - 1] as Piece] : [];
    const end = all.findIndex(({ kind }, j) => j > i && kind !== 'then' && kind !== 'prints');
    const behind = all.slice(i + 1, end === -1 ? undefined : end);
    for (const one of [...before, ...behind]) used.add(one);
    const { line, language, text: code } = piece;
    const after = behind.find(({ kind }) => kind === 'then')?.text ?? '';
    const prints = printed(code, behind);
    return [{ page, line, language, code, before: before[0]?.text ?? '', after, prints }];
  });
  const lost = all.find((piece) => !['code', 'text'].includes(piece.kind) && !used.has(piece));
  if (lost !== undefined) throw new Error(`${page}:${lost.line}: no block beside the comment ${lost.kind}`);
  return blocks;
}

/** Whether a text is what was expected, in which `…` stands for anything. */
export function matches(text: string, expected: string): boolean {
  const parts = expected.split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('[\\s\\S]*')}$`).test(text.trim());
}

/** The lines of a page that are text, without code. */
export const proseOf = (page: string): string =>
  pieces(readPage(page))
    .filter(({ kind }) => kind === 'text')
    .map(({ text }) => text)
    .join('\n');

/** Anchors of headings, as GitHub makes them. */
export function anchorsOf(page: string): Set<string> {
  const counts = new Map<string, number>();
  const headings = [...proseOf(page).matchAll(/^#+ (.+)$/gm)].map(([, text]) => text as string);
  return new Set(
    headings.map((text) => {
      const slug = text
        .toLowerCase()
        .replace(/[^\p{L}\p{N}_ -]/gu, '')
        .replaceAll(' ', '-');
      const count = counts.get(slug) ?? 0;
      counts.set(slug, count + 1);
      return count === 0 ? slug : `${slug}-${count}`;
    }),
  );
}

/** Targets of links to files of the project, with their anchors. */
export function linksOf(page: string): string[] {
  const prose = proseOf(page).replace(/`[^`\n]*`/g, '');
  const targets = [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target as string);
  return targets.filter((target) => !/^[a-z]+:/.test(target));
}
