/**
 * `node --import tsx bench/collections.ts [THOUSANDS]`: reading passages (as MS MARCO's, default a million of 55 words), a
 * run and judgements, and a store of the passages: seconds, and the memory that a process with nothing else grew by. Each
 * in a process of its own, on files that are in the cache of the system.
 */
import { execFileSync } from 'node:child_process';
import { createWriteStream, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { createGzip } from 'node:zlib';
import { DocumentStore, readDocuments, readQrels, readRun, readTriples } from '../lib/ir/index.ts';

const LOOKUPS = 100_000;

const residentBytes = (): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) * 1024;

const MEASURES: Readonly<Record<string, (folder: string) => Promise<string>>> = {
  'passages, .tsv': async (folder) => {
    let count = 0;
    for await (const _ of readDocuments(join(folder, 'collection.tsv'))) count++;
    return `${count} documents`;
  },
  'passages, .tsv.gz': async (folder) => {
    let count = 0;
    for await (const _ of readDocuments(join(folder, 'collection.tsv.gz'))) count++;
    return `${count} documents`;
  },
  'triples, .tsv': async (folder) => {
    let count = 0;
    for await (const _ of readTriples(join(folder, 'triples.tsv'))) count++;
    return `${count} triples`;
  },
  'run of TREC': async (folder) => `${(await readRun(join(folder, 'run'))).size} topics`,
  judgements: async (folder) => `${(await readQrels(join(folder, 'qrels'))).size} topics`,
  'store, build': async (folder) => {
    using store = await DocumentStore.build(
      join(folder, 'store'),
      readDocuments(join(folder, 'collection.tsv')),
    );
    return `${store.size} documents`;
  },
  'store, open': async (folder) => {
    using store = await DocumentStore.open(join(folder, 'store'));
    return `${store.size} documents`;
  },
  'store, open and look up': async (folder) => {
    using store = await DocumentStore.open(join(folder, 'store'));
    const begin = performance.now();
    let characters = 0;
    for (let i = 0; i < LOOKUPS; i++) characters += store.text(`${(i * 7919) % store.size}`).length;
    const micros = ((performance.now() - begin) * 1000) / LOOKUPS;
    return `${LOOKUPS} lookups of ${micros.toFixed(1)} µs, ${characters} characters`;
  },
};

async function measure(name: string, folder: string): Promise<void> {
  const before = residentBytes();
  const begin = performance.now();
  const what = await (MEASURES[name] as (folder: string) => Promise<string>)(folder);
  const seconds = (performance.now() - begin) / 1000;
  const grown = (residentBytes() - before) / 2 ** 20;
  console.log(`${name}: ${seconds.toFixed(2)} s, ${grown.toFixed(0)} MiB more (${what})`);
}

async function write(path: string, count: number, line: (i: number) => string): Promise<void> {
  const compress = path.endsWith('.gz') ? createGzip() : undefined;
  const file = createWriteStream(path);
  const to = compress ?? file;
  compress?.pipe(file);
  for (let i = 0; i < count; i++) {
    if (!to.write(line(i))) await new Promise<void>((resolve) => to.once('drain', resolve));
  }
  to.end();
  await finished(file);
}

async function main(count: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'xpmir-collections-'));
  try {
    const words = Array.from({ length: 1000 }, (_, i) => `w${(i * 7919) % 65_536}`);
    const text = (i: number) => words.slice(i % 945, (i % 945) + 55).join(' ');
    for (const name of ['collection.tsv', 'collection.tsv.gz'])
      await write(join(folder, name), count, (i) => `${i}\t${text(i)}\n`);
    await write(join(folder, 'triples.tsv'), count, (i) => `${i}\t${i * 3}\t${i * 5}\n`);
    const topic = (i: number) => Math.floor(i / 1000);
    await write(join(folder, 'run'), count, (i) => `${topic(i)} Q0 ${i} ${i % 1000} ${-i / 7} bench\n`);
    await write(join(folder, 'qrels'), count, (i) => `${topic(i)} 0 ${i} ${i % 2}\n`);
    console.log(`${count} lines; passages of ${statSync(join(folder, 'collection.tsv')).size} bytes`);
    for (const name of Object.keys(MEASURES)) {
      const script = fileURLToPath(import.meta.url);
      process.stdout.write(execFileSync(process.execPath, ['--import', 'tsx', script, '-', name, folder]));
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const [thousands = '1000', name, folder] = process.argv.slice(2);
if (name !== undefined && folder !== undefined) await measure(name, folder);
else await main(Number(thousands) * 1000);
