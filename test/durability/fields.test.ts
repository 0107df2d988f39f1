import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { type Forgotten, forgottenFields } from './savedFields.ts';

/** Fields that a run which goes on does without, and why. What is neither here nor in a state fails below. */
const TRANSIENT: Readonly<Record<string, string>> = {
  'GradScaler.#steps': 'empty between two steps',
  'LayerFreezer.#isDone': 'each process freezes the layers of its own model',
  'LayerSharer.#isDone': 'each process shares the layers of its own model',
  'LossTrainer.#running': 'made by initialize; the places of its parts are saved',
  'Metrics.samples': 'saved beside the sums, with the epoch in whose middle a run stops',
  'MonitoringListener.#context': 'of the run at hand',
  'MonitoringListener.#current': 'measured again, as a listener is asked about its last epoch once more',
  'Optimizer.#stepped': 'only for a warning about the very first step',
  'PlannedLR.#initial': 'true inside the constructor alone',
  'PrefetchIterator.#held': 'its thread is started with the state',
  'PrefetchIterator.#isTaking': 'true while an item is awaited, when no state is taken',
  'RandomSerializableIterator.#source': 'made again of the random state',
  'ScheduledOptimizer.#batches': 'configuration',
  'ScheduledOptimizer.#hooks': 'configuration; those with a state are saved as hooks',
  'ScheduledOptimizer.#module': 'the model, which is saved for itself',
  'Scheduler.optimizer': 'saved for itself',
  'SerializableIteratorAdapter.#gave': 'follows from the count of given items',
  'SerializableIteratorAdapter.#source': 'made again where it began to take',
  'ShuffledIterator.#order': 'shuffled again',
  'ShuffledIterator.#random': 'as it was before the pass was shuffled',
  'SkippingIterator.#source': 'opened again, and read over',
  'Trainer.#context': 'of the run at hand',
  'WrappingIterator.inner': 'of an adapter, as it was when it began to take',
};

const ROOT = join(import.meta.dirname, '..', '..');

function sources(): Map<string, string> {
  const folders = ['lib/learning', 'lib/torch/optim'].flatMap((folder) =>
    readdirSync(join(ROOT, folder))
      .filter((name) => name.endsWith('.ts'))
      .map((name) => `${folder}/${name}`),
  );
  const files = [...folders, 'lib/torch/gradScaler.ts'];
  return new Map(files.map((file) => [file, readFileSync(join(ROOT, file), 'utf8')]));
}

const told = ({ field, of, missing }: Forgotten) =>
  `${field} is not ${missing.join(' and not ')} by the state of ${of}: add it there, or to TRANSIENT with the reason`;

test('every field that may change is in the state of its class, or is known to be needless there', () => {
  const forgotten = forgottenFields(sources());
  expect(forgotten.filter(({ field }) => !Object.hasOwn(TRANSIENT, field)).map(told)).toEqual([]);
  const needed = new Set(forgotten.map(({ field }) => field));
  expect(Object.keys(TRANSIENT).filter((field) => !needed.has(field))).toEqual([]);
});

describe('a field is named that', () => {
  const found = (text: string) =>
    forgottenFields(new Map([['lib/a.ts', text]])).map(
      ({ field, of, missing }) => `${field} of ${of}: ${missing}`,
    );

  test('nobody saves or restores', () => {
    expect(
      found(`export class Counter {
        #count = 0;
        #forgotten = 0;
        next() { this.#forgotten++; return this.#count++; }
        stateDict() { return { count: this.#count }; }
        loadStateDict({ count }) { this.#count = count; }
      }`),
    ).toEqual(['Counter.#forgotten of Counter: saved,restored']);
  });

  test('is saved and not restored, or only looked at there', () => {
    expect(
      found(`class Counter {
        count = 0;
        #limit = 3;
        stateDict() { return [this.count, this.#limit]; }
        loadStateDict([count]) { if (count > this.#limit) throw new Error(); }
      }`),
    ).toEqual(['Counter.count of Counter: restored', 'Counter.#limit of Counter: restored']);
  });

  test('is readonly, and whose content the class changes', () => {
    expect(
      found(`class Seen {
        readonly #seen = new Set();
        readonly #counts = new Float64Array(3);
        readonly #place = { at: 0 };
        readonly #names = ['a'];
        readonly #given;
        see(item) {
          this.#seen.add(item);
          this.#counts[0]! += 1;
          this.#place.at = this.#names.indexOf(item) + this.#given.length;
        }
        stateDict() { return null; }
      }`),
    ).toEqual([
      'Seen.#seen of Seen: saved,restored',
      'Seen.#counts of Seen: saved,restored',
      'Seen.#place of Seen: saved,restored',
    ]);
  });

  test('is of a class that has a state, also one from another file', () => {
    const random = `export class RandomState { #words; words() { return this.#words; } restore(w) { this.#words = w; } }`;
    const walk = `import { RandomState as Stream } from './random.ts';
      class Walk {
        readonly #random: Stream;
        readonly #other = new Stream();
        stateDict() { return this.#other.words(); }
        loadStateDict(words) { this.#other.restore(words); }
      }`;
    const texts = new Map([
      ['lib/random.ts', random],
      ['lib/walk.ts', walk],
    ]);
    expect(forgottenFields(texts)).toEqual([
      { field: 'Walk.#random', of: 'Walk', missing: ['saved', 'restored'] },
    ]);
  });

  test('is added by a class that inherits its state, or has none at all where others of its kind may', () => {
    expect(
      found(`abstract class Hook extends config(import.meta, 'x.Hook', {}) { stateDict?(): unknown; }
        class Plain extends config(import.meta, 'x.Plain', {}, Hook) { #seen = 0; }
        class Counter { #count = 0;
          stateDict() { return this.#count; }
          loadStateDict(count) { this.#count = count; } }
        class Named extends Counter { name = ''; }`),
    ).toEqual(['Plain.#seen of Plain: saved,restored', 'Named.name of Named: saved,restored']);
  });
});

test('a field counts where a method, a getter or the class above reads it, or an object is made of the state', () => {
  const text = `abstract class Base {
      #rates = [];
      abstract stateDict();
      get rates() { return [...this.#rates]; }
      protected remember(rates) { this.#rates = rates; }
    }
    class Plan extends Base {
      #epoch = 0;
      count = 0;
      readonly base = [];
      declare readonly parameter;
      static shared = 0;
      readonly stays = new Map();
      constructor() { super(); this.stays.set('a', 1); }
      stateDict() { const { count, base } = this; return { epoch: this.#now(), count, base, rates: this.rates }; }
      loadStateDict({ epoch, count, base, rates }) {
        this.base.splice(0, 1, ...base);
        [this.#epoch, this.count] = [epoch, count];
        this.remember(rates);
      }
      #now() { return this.#epoch; }
    }
    class More extends Plan {
      #more = 0;
      stateDict() { return { ...super.stateDict(), more: this.#more }; }
      loadStateDict(state) { super.loadStateDict(state); this.#more = state.more; }
    }
    class Sums {
      readonly #sums = new Map();
      samples = 0;
      add(key) { this.#sums.set(key, 1); }
      stateDict() { return [this.#sums, this.samples]; }
      static fromState([sums, samples]) {
        const made = new Sums();
        for (const key of sums) made.#sums.set(key, 1);
        made.samples = samples;
        return made;
      }
    }`;
  expect(forgottenFields(new Map([['lib/a.ts', text]]))).toEqual([]);
});
