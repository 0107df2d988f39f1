import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, jest, test } from '@jest/globals';
import { program } from '../../lib/cli/program.ts';
import { run } from '../experiment/support.ts';
import { temporaryDirectory } from '../support/temporary.ts';

let directory: string;
const at = (name: string) => join(directory, name);

beforeEach(() => {
  directory = temporaryDirectory();
  const topics = ['1', '2', '3', '4', '5', '6'];
  const ranked = (rank: (topic: string) => number, tag: string) =>
    topics.flatMap((topic) =>
      ['a', 'b', 'c', 'd'].map((doc, i) => `${topic} Q0 ${doc} 0 ${i === rank(topic) ? 9 : 4 - i} ${tag}`),
    );
  const write = (name: string, lines: readonly string[]) => writeFileSync(at(name), `${lines.join('\n')}\n`);
  write(
    'qrels',
    topics.flatMap((topic) => [`${topic} 0 d 1`, `${topic} 0 a 0`]),
  );
  write(
    'base',
    ranked(() => 0, 'baseline'),
  );
  write(
    'good',
    ranked(() => 3, 'better'),
  );
  write(
    'same',
    ranked((topic) => (topic === '1' ? 1 : 0), 'alike'),
  );
  write(
    'part',
    ranked(() => 3, 'part')
      .filter((line) => !line.startsWith('6'))
      .concat('7 Q0 a 0 1 part'),
  );
});

/** Lines, with columns two blanks apart however long the paths are. */
const shown = (out: string) => out.replaceAll(directory, '.').replace(/ {2,}/g, '  ');

async function cli(...given: readonly string[]): Promise<{ out: string; err: string }> {
  const log = jest.spyOn(console, 'log').mockImplementation(() => {});
  const warn = jest.spyOn(console, 'error').mockImplementation(() => {});
  try {
    const command = program()
      .exitOverride()
      .configureOutput({ writeErr: (text) => console.error(text.trim()) });
    for (const each of command.commands) each.exitOverride().configureOutput(command.configureOutput());
    await command.parseAsync(['node', 'xpmir', 'evaluate', ...given]).catch(() => {});
    const text = (calls: readonly (readonly unknown[])[]) => calls.map(([line]) => line).join('\n');
    return { out: text(log.mock.calls), err: text(warn.mock.calls) };
  } finally {
    log.mockRestore();
    warn.mockRestore();
  }
}

describe('xpmir evaluate', () => {
  test('a row for each run, with marks of what is significant', async () => {
    const { out, err } = await cli(
      at('qrels'),
      at('base'),
      at('good'),
      at('same'),
      '-m',
      'RR@10 NumRel',
      '-m',
      'P@1',
    );
    expect(shown(out).split('\n')).toEqual([
      'run  RR@10  NumRel  P@1',
      './base  0.2500  6  0.0000',
      './good  1.0000 ▲  6  1.0000 ▲',
      './same  0.2500  6  0.0000',
      '',
      '▲ ▼ higher or lower than ./base: paired t-test, two-sided, p < 0.05, corrected after Holm',
    ]);
    expect(err).toBe('');
  });

  test('another baseline, another test, no correction', async () => {
    const options = ['-b', at('good'), '-t', 'randomisation', '--correction', 'none', '-m', 'RR'];
    const { out } = await cli(at('qrels'), at('base'), at('good'), ...options);
    expect(shown(out).split('\n')).toEqual([
      'run  RR',
      './base  0.2500 ▼',
      './good  1.0000',
      '',
      '▲ ▼ higher or lower than ./good: paired randomisation, two-sided, p < 0.05, not corrected',
    ]);
    expect((await cli(at('qrels'), at('base'), at('good'), '--no-compare', '-m', 'RR')).out).not.toContain(
      'paired',
    );
  });

  test('topics below, with differences', async () => {
    const { out } = await cli(at('qrels'), at('base'), at('good'), '-q', '-m', 'RR');
    expect(shown(out).split('\n\n')[2]!.split('\n').slice(0, 2)).toEqual([
      'RR  ./base  ./good  +/-',
      '1  0.2500  1.0000  +0.7500',
    ]);
  });

  test('topics that are in one file alone are said', async () => {
    const all = await cli(at('qrels'), at('part'), '-m', 'RR');
    expect(all.out).toContain('0.8333');
    expect(all.err.replaceAll(directory, '.').split('\n')).toEqual([
      './part: 1 judged topics are missing, and count as empty',
      './part: 1 topics have no judgements, and do not count',
    ]);
    expect((await cli(at('qrels'), at('part'), '-m', 'RR', '--topics', 'both')).out).toContain('1.0000');
  });

  test('all there is, as JSON', async () => {
    const { out } = await cli(at('qrels'), at('base'), at('good'), '-f', 'json', '-m', 'RR@10');
    const { measures, runs, baseline, comparisons } = JSON.parse(out);
    expect(measures).toEqual(['RR@10']);
    expect(runs[1]).toEqual({
      path: at('good'),
      tag: 'better',
      aggregates: { 'RR@10': 1 },
      perTopic: { 'RR@10': { 1: 1, 2: 1, 3: 1, 4: 1, 5: 1, 6: 1 } },
      missing: [],
      unjudged: [],
    });
    expect(baseline).toBe(at('base'));
    expect(comparisons).toMatchObject([{ system: at('good'), wins: 6, p: 0, differences: { 1: 0.75 } }]);
  });

  test.each([
    [['-m', 'nDGC@10'], 'did you mean nDCG?'],
    [['-l', '2'], '--level is for --format trec_eval; a measure says it itself, as AP(rel=2) does'],
    [['-N', '5'], '--documents is for --format trec_eval'],
    [['-b', 'none'], 'Expected one of the runs for --baseline but received "none"'],
    [['-f', 'trec_eval', '-m', 'maps'], 'did you mean map?'],
    [['-M', '0'], "argument '0' is invalid. It should be an integer of at least 1."],
    [['--alpha', '5'], 'It should be a number above 0 and below 1.'],
    [['-c', '--topics', 'both'], 'cannot be used with option'],
  ])('%p is refused', async (options, why) => {
    expect((await cli(at('qrels'), at('base'), ...options)).err).toContain(why);
  });

  test('loads no native library', async () => {
    const given = ['evaluate', at('qrels'), at('base')];
    expect((await run('../cli/libraries.ts', given).ended).output).toBe('');
  });

  test.each(['table', 'json', 'trec_eval'])(
    'identifiers that do not join are told with %s',
    async (format) => {
      writeFileSync(at('topics'), 'Q1 Q0 d 0 1 t\n');
      const { out, err } = await cli(at('qrels'), at('topics'), '-c', '-f', format);
      expect([out, err]).toEqual([
        '',
        'xpmir: Expected a run about judged topics but the run has 1 topic, such as "Q1", and the judgements have 6 topics, such as "1"',
      ]);
      writeFileSync(at('documents'), '1 Q0 D 0 1 t\n');
      const measure = format === 'trec_eval' ? 'map' : 'AP';
      const none = await cli(at('qrels'), at('documents'), '--topics', 'both', '-f', format, '-m', measure);
      expect(none.err).toContain(`${at('documents')}: no document is judged, in any topic`);
    },
  );

  test('a run that is there twice is refused', async () => {
    expect((await cli(at('qrels'), at('base'), at('base'))).err).toContain('is there twice');
  });
});
