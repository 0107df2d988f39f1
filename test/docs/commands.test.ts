/** The commands in the pages are there: scripts of npm, subcommands and options of `xpmir`, files that Node runs. */
import { existsSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { Command } from 'commander';
import { program } from '../../lib/cli/program.ts';
import { blocksOf, pages, proseOf, readPage, root } from './markdown.ts';

const { scripts } = JSON.parse(readFileSync(posix.join(root, 'package.json'), 'utf8')) as {
  readonly scripts: Readonly<Record<string, string>>;
};
const commandLine = /^(?:npx xpmir|xpmir|npm run|npm|node) /;

/** Lines of blocks, and code in text, that are commands. */
function commandsOf(page: string): string[] {
  const blocks = blocksOf(page).filter(({ language }) => ['sh', ''].includes(language));
  const lines = blocks.flatMap(({ code }) => code.replaceAll('\\\n', ' ').split('\n'));
  const inText = [...proseOf(page).matchAll(/`([^`]+)`/g)].map(([, code]) => code as string);
  // A column beside a command says what it does.
  return [...lines, ...inText]
    .map((line) => line.replace(/^(?:[A-Z_]+=\S+ +)*/, '').split(/ #| {2,}/)[0] as string)
    .filter((line) => commandLine.test(`${line} `));
}

const isOption = (word: string) => /^-{1,2}[a-z]/.test(word);

/** Undefined where a command of ours has these subcommands and options. */
function xpmirProblem(words: readonly string[]): string | undefined {
  let command: Command = program();
  const options = [...command.options];
  for (const word of words) {
    if (isOption(word)) {
      const name = word.replace(/[=,].*$/, '');
      const known =
        options.some(({ short, long }) => name === short || name === long) ||
        ['--help', '--version'].includes(name);
      if (!known) return `${command.name()} has no option ${name}`;
      continue;
    }
    const next = command.commands.find((each) => each.name() === word);
    if (next === undefined && command.commands.length > 0) return `no command ${command.name()} ${word}`;
    if (next !== undefined) {
      command = next;
      options.push(...command.options);
    }
  }
  return undefined;
}

function npmProblem(words: readonly string[]): string | undefined {
  const [verb, name = ''] = words.filter((word) => !isOption(word));
  return verb !== 'run' || name in scripts ? undefined : `no script ${name}`;
}

/** A program of the project, or one that the page tells the reader to save. */
function nodeProblem(page: string, words: readonly string[]): string | undefined {
  const file = words.find((word) => /\.(ts|mjs|js)$/.test(word));
  if (file === undefined || existsSync(posix.join(root, file))) return undefined;
  const isNamed = /^[\w-]+\.ts$/.test(file) && readPage(page).split(file).length > 1;
  return isNamed ? undefined : `no file ${file}`;
}

function problem(page: string, command: string): string | undefined {
  const [first, ...rest] = command.split(/\s+/) as [string, ...string[]];
  if (first === 'npx') return xpmirProblem(rest.slice(1));
  if (first === 'xpmir') return xpmirProblem(rest);
  return first === 'npm' ? npmProblem(rest) : nodeProblem(page, rest);
}

describe('commands', () => {
  test('there are many', () => expect(pages.flatMap((page) => commandsOf(page)).length).toBeGreaterThan(50));

  test.each(pages)('of %s', (page) => {
    expect(commandsOf(page).flatMap((command) => problem(page, command) ?? [])).toEqual([]);
  });

  test('one that is not there is noticed', () => {
    const wrong = ['xpmir jbos list', 'npx xpmir jobs list --stat', 'npm run tset', 'node scripts/none.mjs'];
    expect(wrong.filter((command) => problem('README.md', command) === undefined)).toEqual([]);
  });
});
