/**
 * `node --import tsx bench/measures.ts [ROUNDS]`: seconds to evaluate 1,000 topics with 1,000 documents each by four measures, here
 * and in pytrec_eval, alternating, of maps that are there already. Python's side is left out where XPMIR_PYTHON lacks pytrec_eval.
 */
import { type ExecFileSyncOptionsWithStringEncoding, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { evaluate } from '../lib/ir/index.ts';

const [TOPICS, DOCUMENTS, JUDGED] = [1000, 1000, 100];
const rounds = Number(process.argv[2] ?? 5);

const PYTHON = `
import json, sys, time
import pytrec_eval
qrels, run = (json.load(open(path)) for path in sys.argv[1:])
evaluator = pytrec_eval.RelevanceEvaluator(qrels, {'map', 'ndcg_cut.10', 'recip_rank', 'recall.1000'})
started = time.perf_counter()
evaluator.evaluate(run)
print(time.perf_counter() - started)
`;

let state = 1;
function draw(below: number): number {
  state = (state * 48271) % 2147483647;
  return state % below;
}

const qrels = new Map<string, Map<string, number>>();
const runs = {
  sorted: new Map<string, Map<string, number>>(),
  shuffled: new Map<string, Map<string, number>>(),
};
for (let t = 0; t < TOPICS; t++) {
  const document = () => `D${draw(5000)}`;
  qrels.set(`${t}`, new Map(Array.from({ length: JUDGED }, () => [document(), draw(4)])));
  const found = new Set<string>();
  while (found.size < DOCUMENTS) found.add(document());
  const scores = [...found].map((id) => [id, draw(1_000_000) / 1000] as const);
  runs.shuffled.set(`${t}`, new Map(scores));
  runs.sorted.set(`${t}`, new Map([...scores].sort(([, a], [, b]) => b - a)));
}

const folder = mkdtempSync(join(tmpdir(), 'xpmir-measures-'));
const plain = (map: ReadonlyMap<string, ReadonlyMap<string, number>>) =>
  Object.fromEntries([...map].map(([topic, values]) => [topic, Object.fromEntries(values)]));
const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1] as number;

for (const [name, run] of Object.entries(runs)) {
  const paths = [qrels, run].map((map, i) => {
    const path = join(folder, `${i}.json`);
    writeFileSync(path, JSON.stringify(plain(map)));
    return path;
  });
  const seconds: [here: number[], python: number[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    const started = performance.now();
    evaluate(['AP', 'nDCG@10', 'RR', 'R@1000'], run, qrels);
    seconds[0].push((performance.now() - started) / 1000);
    try {
      const options: ExecFileSyncOptionsWithStringEncoding = {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      };
      const python = process.env.XPMIR_PYTHON ?? 'python3';
      seconds[1].push(Number(execFileSync(python, ['-c', PYTHON, ...paths], options)));
    } catch {}
  }
  const [here, python] = seconds.map((each) =>
    each.length === 0 ? 'not there' : `${median(each).toFixed(3)} s`,
  );
  console.log(`${name}: ${here} here, ${python} in pytrec_eval; medians of ${rounds}`);
}
rmSync(folder, { recursive: true });
