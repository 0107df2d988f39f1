/** Sequences of saves, crashes and returns to where a run was before: of what was saved, what has to stay stays. */
import { expect } from '@jest/globals';
import { CheckpointStore, type Kept, type Position, type SavedFiles } from '../../lib/learning/checkpoint.ts';
import { checkManifest, MODEL_FILE, STATE_FILE } from '../../lib/learning/manifest.ts';
import type { Random } from '../robustness/random.ts';
import { NOTE, unfinishedIn } from './checkpoints.ts';
import { full, randomOf, repeatable, tell } from './effort.ts';
import { MemoryDisk, PowerCut } from './memoryDisk.ts';

const test = repeatable(import.meta.url);
const SEQUENCES = full ? 10_000 : 2_000;
const DIRECTORY = '/checkpoints';
/** Where the number of digits changes, also beyond those that names have at least. */
const STARTS = [0, 97, 997, 9_997, 99_999_997];

/** A checkpoint as the test knows it. */
interface Known {
  readonly epoch: number;
  /** Infinite at the end of an epoch. */
  readonly steps: number;
  readonly copy: number;
}

/** Negative when `a` is older. */
function compare(a: Known, b: Known): number {
  for (const key of ['epoch', 'steps', 'copy'] as const)
    if (a[key] !== b[key]) return a[key] < b[key] ? -1 : 1;
  return 0;
}

/** What has to be there once `saved` is, of all that there is: no more, and no less. */
function remaining(all: readonly Known[], saved: Known, { last, every }: Kept): Known[] {
  const beyond = all.filter((each) => compare(each, saved) > 0);
  const upTo = all.filter((each) => compare(each, saved) <= 0).sort((a, b) => compare(b, a));
  const isRegular = ({ epoch, steps }: Known) =>
    every > 0 && steps === Number.POSITIVE_INFINITY && epoch % every === 0;
  return [...beyond, ...upTo.filter((each, i) => i < last || isRegular(each))];
}

const told = (some: readonly Known[]) =>
  [...some].sort(compare).map(({ epoch, steps, copy }) => `${epoch}/${steps}/${copy}`);

/** What a disk has, by names alone. */
async function knownOn(disk: MemoryDisk): Promise<Known[]> {
  return (await disk.list(DIRECTORY)).flatMap((name): Known[] => {
    const [, epoch, steps, copy] = /^epoch-(\d{8,})(?:-step-(\d{8,}))?(?:\.(\d+))?$/.exec(name) ?? [];
    if (epoch === undefined) return [];
    return [
      { epoch: Number(epoch), steps: Number(steps ?? Number.POSITIVE_INFINITY), copy: Number(copy ?? 1) },
    ];
  });
}

/** A run that goes on, crashes, and begins again, with what the test knows of it. */
class Sequence {
  readonly done: string[] = [];
  readonly #random: Random;
  readonly #kept: Kept;
  #disk = new MemoryDisk();
  #store: CheckpointStore | undefined;
  #known: readonly Known[] = [];
  /** Those at the last save that came to its end: what was removed since may be back after a power failure. */
  #before: readonly Known[] = [];
  #epoch: number;
  #steps: number;

  constructor(random: Random) {
    this.#random = random;
    this.#kept = { last: 1 + random.below(5), every: random.below(4) };
    this.#epoch = random.pick(STARTS);
    this.#steps = random.pick(STARTS);
    this.done.push(`keeps ${JSON.stringify(this.#kept)}`);
  }

  async run(): Promise<void> {
    await this.#disk.makeDirectory(DIRECTORY);
    await this.#disk.sync('/');
    await this.#reopen();
    for (let i = 6 + this.#random.below(8); i > 0; i--) {
      const action = this.#random.below(10);
      if (action < 6) await this.#save();
      else if (action < 8) await this.#crash();
      else if (action === 8) await this.#reopen();
      else this.#return();
    }
  }

  /** The next position: in the middle of an epoch, or at its end. */
  #next(): Position {
    this.#steps++;
    const unfinished = this.#random.below(3) === 0;
    if (!unfinished) this.#epoch++;
    return { epoch: unfinished ? this.#epoch + 1 : this.#epoch, steps: this.#steps, unfinished };
  }

  async #save(): Promise<void> {
    const position = this.#next();
    const saved = this.#knownOf(position);
    this.done.push(`saves ${told([saved])}`);
    await this.#store!.save(position, filesOf(this.#steps), NOTE);
    await this.#expect(remaining([...this.#known, saved], saved, this.#kept));
  }

  /** In a save; the process is killed, or the power fails. */
  async #crash(): Promise<void> {
    const position = this.#next();
    const saved = this.#knownOf(position);
    const [cut, isKilled] = [1 + this.#random.below(60), this.#random.below(2) === 0];
    this.done.push(`${isKilled ? 'is killed' : 'loses power'} in call ${cut} of saving ${told([saved])}`);
    this.#disk.cutAt(cut);
    try {
      await this.#store!.save(position, filesOf(this.#steps), NOTE);
    } catch (error) {
      if (!(error instanceof PowerCut)) throw error;
    }
    this.#disk.goOn();
    if (!isKilled) this.#disk = this.#disk.afterPowerLoss(this.#random);
    await this.#reopen();
    const known = await knownOn(this.#disk);
    const [before, now] = [told(this.#known), told(known)];
    const isThere = now.includes(`${told([saved])}`);
    const all = isThere ? [...this.#known, saved] : this.#known;
    const needed = isThere ? told(remaining(all, saved, this.#kept)) : before;
    expect(needed.filter((each) => !now.includes(each))).toEqual([]);
    expect(now.filter((each) => !told([...all, ...this.#before]).includes(each))).toEqual([]);
    this.#known = known;
    for (const path of (await this.#store!.list()).usable) await checkManifest(this.#disk, path);
  }

  async #reopen(): Promise<void> {
    this.done.push('begins');
    this.#store = new CheckpointStore(DIRECTORY, this.#kept, { on: this.#disk });
    await this.#store.begin();
    expect(await unfinishedIn(this.#disk, DIRECTORY)).toEqual([]);
  }

  /** Goes on from an older checkpoint. */
  #return(): void {
    if (this.#known.length === 0) return;
    const { epoch, steps } = this.#random.pick(this.#known);
    const isFinished = steps === Number.POSITIVE_INFINITY;
    this.#epoch = isFinished ? epoch : epoch - 1;
    this.#steps = isFinished ? Math.max(0, this.#steps - this.#random.below(3)) : steps;
    this.done.push(`goes back to ${epoch}/${steps}`);
  }

  #knownOf({ epoch, steps, unfinished }: Position): Known {
    const at = { epoch, steps: unfinished ? steps : Number.POSITIVE_INFINITY };
    const copies = this.#known
      .filter((each) => each.epoch === at.epoch && each.steps === at.steps)
      .map(({ copy }) => copy);
    return { ...at, copy: Math.max(0, ...copies) + 1 };
  }

  async #expect(known: readonly Known[]): Promise<void> {
    expect(told(await knownOn(this.#disk))).toEqual(told(known));
    const names = (await this.#store!.list()).usable.map((path) => path.slice(DIRECTORY.length + 1));
    expect(names).toHaveLength(known.length);
    this.#known = this.#before = known;
  }
}

function filesOf(step: number): SavedFiles {
  const files = [MODEL_FILE, STATE_FILE].map((name) => {
    const content = Buffer.from(`${name} of step ${step}`);
    return { name, bytes: content.length, pieces: [content] };
  });
  return { files, bytes: files.reduce((sum, { bytes }) => sum + bytes, 0) };
}

test('what has to stay stays, whatever the order of saves, crashes and returns', async () => {
  const counts = new Map<string, number>();
  for (let i = 0; i < SEQUENCES; i++) {
    const sequence = new Sequence(randomOf(i));
    try {
      await sequence.run();
    } catch (error) {
      throw new Error(`sequence ${i}: it ${sequence.done.join(', ')}: ${(error as Error).message}`);
    }
    for (const what of sequence.done) {
      const [verb] = what.split(' ') as [string];
      counts.set(verb, (counts.get(verb) ?? 0) + 1);
    }
  }
  tell(`${SEQUENCES} sequences: ${[...counts].map(([what, count]) => `${what} ${count}`).join(', ')}`);
});
