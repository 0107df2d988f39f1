/**
 * A paper's experiment on a test collection: BM25, three models that are trained from nothing over folds and seeds, each alone and
 * together with BM25, tested against it, in one table:
 *
 *     node --import tsx examples/ranking.ts DOCUMENTS TOPICS QRELS
 *
 * What is trained already is not trained again, and a training that was stopped goes on.
 */
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { evaluate, interpolate, type Run, retrieveRun, type Topic, writeRun } from 'xpmir/ir';
import { type CosineDense, type Scorer, VectorIndex, Vocabulary } from 'xpmir/letor';
import { fromRoot, readArguments, runProgram } from './jsdoc/program.ts';
import {
  about,
  completed,
  DEPTH,
  type Fold,
  foldsOf,
  readTestCollection,
  type TestCollection,
} from './ranking/data.ts';
import { crossModel, denseModel, knrmModel, StemmedWords, writeSmallBert } from './ranking/models.ts';
import { curvesOf, markdown, rowsOf, type System, writeReport } from './ranking/report.ts';
import { CHOSEN_BY, pretrain, RERANKED, type Schedule, secondStage, train } from './ranking/training.ts';

const DEFAULT_OUT = fromRoot('runs', 'ranking');
const USAGE = `Usage: node --import tsx examples/ranking.ts DOCUMENTS TOPICS QRELS [options]

  DOCUMENTS, TOPICS, QRELS  files of TREC, BEIR or MS MARCO, compressed or not
  --folds N       test parts of the topics, at least 3 (default 5)
  --seeds N       trainings of each model in each fold (default 3)
  --epochs N      of 20 steps, in each fold (default 15)
  --pretraining N epochs of 100 steps on spans of documents, once for each seed (default 20)
  --models A,B    of knrm, dense and cross (default all)
  --encoder DIR   a Hugging Face folder for the cross-encoder, instead of a small BERT from nothing
  --out DIR       where runs, tables and curves are left (default ${DEFAULT_OUT})`;

interface Model {
  readonly name: string;
  make(): Scorer;
  readonly lr: number;
}

await runProgram(USAGE, async () => {
  const { values, positionals, count } = readArguments(
    {
      folds: 'string',
      seeds: 'string',
      epochs: 'string',
      pretraining: 'string',
      models: 'string',
      encoder: 'string',
      out: 'string',
    },
    { positionals: true },
  );
  const [documents, topics, qrels] = positionals;
  if (documents === undefined || topics === undefined || qrels === undefined)
    throw new Error(`Expected files of documents, topics and judgements\n${USAGE}`);
  const out = values.out ?? DEFAULT_OUT;
  mkdirSync(out, { recursive: true });
  const collection = await readTestCollection({ documents, topics, qrels });
  console.log(`${collection.documents.size} documents, ${collection.topics.length} topics with judgements`);

  const models = await modelsOf(collection, out, values);
  const folds = foldsOf(collection.topics, count('folds', 5));
  const schedule = { epochs: count('epochs', 15), stepsPerEpoch: 20, batchSize: 32 };
  const before = { epochs: count('pretraining', 20), stepsPerEpoch: 100, batchSize: 256, lr: 3e-2 };
  // What decides a training beside its name, so that another choice is another training.
  const trainings = join(out, 'training', `${before.epochs}-${schedule.epochs}-${folds.length}`);
  const found = new Map(models.flatMap(({ name }) => [name, mixed(name)].map((each) => [each, [] as Run[]])));
  const paths = new Map(models.map(({ name }) => [name, [] as string[]]));
  for (let seed = 0; seed < count('seeds', 3); seed++) {
    const pretrained = await pretrainedModel(collection, vocabularyFile(out), {
      seed,
      schedule: before,
      path: join(trainings, `pretrained-${seed}`),
    });
    for (const { name, make, lr } of models) {
      const parts = { alone: new Map() as Run, both: new Map() as Run };
      for (const fold of folds) {
        const path = join(trainings, `${name}-${seed}-${fold.number}`);
        paths.get(name)!.push(path);
        const model = make();
        await train(model, collection, fold, { seed, schedule: { ...schedule, lr }, path, pretrained });
        const { alone, both, weight } = await ranked(model, collection, fold, path);
        parts.alone = new Map([...parts.alone, ...alone]);
        parts.both = new Map([...parts.both, ...both]);
        console.log(`${name}, seed ${seed}, fold ${fold.number}: weight ${weight} beside BM25`);
      }
      await writeRun(join(out, `${name}-${seed}.run`), parts.alone, { tag: name });
      found.get(name)!.push(parts.alone);
      found.get(mixed(name))!.push(parts.both);
    }
  }
  await writeRun(join(out, 'bm25.run'), collection.bm25, { tag: 'bm25' });

  const systems: System[] = [
    { name: 'BM25', runs: [collection.bm25] },
    ...[...found].map(([name, runs]) => ({ name, runs })),
  ];
  const rows = rowsOf(systems, collection.qrels);
  const curves = [];
  for (const [name, all] of paths) curves.push(await curvesOf(name, all, CHOSEN_BY));
  writeReport(out, rows, curves, CHOSEN_BY);
  console.log(
    `\n${markdown(rows)}\nMeans, and the value of each seed; ▲ and ▼: better and worse than BM25 by a paired t-test,`,
  );
  console.log(`p < 0.05 after Holm's correction. Tables, curves and runs are in ${out}`);
});

function vocabularyFile(out: string): string {
  return join(out, 'vocabulary.json');
}

function mixed(name: string): string {
  return `${name} + BM25`;
}

async function modelsOf(
  { documents }: TestCollection,
  out: string,
  { models = 'knrm,dense,cross', encoder }: { readonly models?: string; readonly encoder?: string },
): Promise<readonly Model[]> {
  const tokenizer = new StemmedWords();
  const vocabulary = await Vocabulary.build(textsOf(documents), {
    file: vocabularyFile(out),
    tokenizer,
    minCount: 2,
  });
  const folder = encoder ?? join(out, 'small-bert');
  if (!existsSync(join(folder, 'config.json'))) {
    const plain = await Vocabulary.build(textsOf(documents), { file: join(out, 'words.json'), minCount: 3 });
    await writeSmallBert(folder, (await plain.load()).list());
  }
  const known: Readonly<Record<string, Omit<Model, 'name'>>> = {
    knrm: { make: () => knrmModel(vocabulary), lr: 1e-2 },
    dense: { make: () => denseModel(vocabulary), lr: 1e-3 },
    cross: {
      make: () => crossModel(folder, encoder ?? 'small-bert'),
      lr: encoder === undefined ? 5e-4 : 2e-5,
    },
  };
  return models.split(',').map((name) => {
    const model = Object.hasOwn(known, name) ? known[name] : undefined;
    if (model === undefined)
      throw new Error(
        `Expected models among ${Object.keys(known).join(', ')} for --models but received "${name}"`,
      );
    return { name, ...model };
  });
}

function* textsOf(documents: Iterable<{ readonly text: string }>): Generator<string> {
  for (const { text } of documents) yield text;
}

async function pretrainedModel(
  collection: TestCollection,
  vocabulary: string,
  options: { readonly seed: number; readonly schedule: Schedule; readonly path: string },
): Promise<CosineDense> {
  const model = denseModel(await Vocabulary.read(vocabulary, new StemmedWords()));
  await pretrain(model, collection, options);
  return model;
}

interface Ranked {
  readonly alone: Run;
  readonly both: Run;
  /** Of the model beside BM25, as it was best on the topics for validation. */
  readonly weight: number;
}

/** The test topics of a fold, ranked by a model, and by it and BM25 together. */
async function ranked(model: Scorer, collection: TestCollection, fold: Fold, path: string): Promise<Ranked> {
  const rank = await rankerOf(model, collection, path);
  const [validation, alone] = [await rank(fold.validation), await rank(fold.test)];
  const mixedWith = (run: Run, topics: readonly Topic[], weight: number) => {
    const bm25 = about(collection.bm25, topics);
    return completed(interpolate(run, lookedAt(bm25, model), weight), bm25);
  };
  const qrels = about(collection.qrels, fold.validation);
  const quality = (weight: number) =>
    evaluate(['AP'], mixedWith(validation, fold.validation, weight), qrels).aggregates.get('AP')!;
  const weights = Array.from({ length: 20 }, (_, i) => i / 20);
  const weight = weights.reduce((best, each) => (quality(each) > quality(best) ? each : best));
  return {
    alone: completed(alone, about(collection.bm25, fold.test)),
    both: mixedWith(alone, fold.test, weight),
    weight,
  };
}

function isDense(model: Scorer): model is CosineDense {
  return 'encodeTopics' in model;
}

/** The part of BM25's ranking that a model is mixed with: all where it searches by itself. */
function lookedAt(bm25: Run, model: Scorer): Run {
  if (isDense(model)) return bm25;
  return new Map([...bm25].map(([topic, scores]) => [topic, new Map([...scores].slice(0, RERANKED))]));
}

/** A dual encoder searches among the vectors of all documents; others look at what BM25 returns first. */
async function rankerOf(
  model: Scorer,
  collection: TestCollection,
  path: string,
): Promise<(topics: readonly Topic[]) => Promise<Run>> {
  if (!isDense(model)) return (topics) => retrieveRun(secondStage(model, collection), topics);
  const directory = join(path, 'vectors');
  rmSync(directory, { recursive: true, force: true });
  const index = await VectorIndex.build(model, collection.documents, directory);
  return (topics) => index.searchTopics(model, topics, DEPTH);
}
