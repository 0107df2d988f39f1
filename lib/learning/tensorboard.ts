/**
 * Writes what a run tells for TensorBoard. The tags are upstream's; every point is at the steps made so far:
 *
 *     train/<metric>         means of an epoch: losses, their sum a+b, gradient/scheduler/1/1, accuracy …
 *     train/data_wait        share of the time in which an epoch waited for batches
 *     <listener>/<metric>/mean, and the histogram <listener>/<metric>, where a metric is measured item by item
 *     <listener>/<metric>    any other metric of a listener
 *     hparams/               a run beside it: tags of the job, and final values of the listeners
 */
import { readdirSync, rmSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { AppendedFile } from './appendedFile.ts';
import type { EndEvent, LearnerEvent, ValidationEvent } from './events.ts';
import { histogramOf } from './histogram.ts';
import {
  type HParam,
  histogramRecord,
  hparamsRecords,
  purgeRecord,
  scalarRecord,
  versionRecord,
} from './tensorboardFile.ts';

export interface TensorboardOptions {
  /** What the run was made with, such as the tags of its job. */
  readonly hparams?: Readonly<Record<string, HParam>> | undefined;
  /** Told once, when the files can no longer be written. */
  readonly warn: (message: string) => void;
}

/** A reader of events. What it writes of a run that goes on takes the place of what earlier processes wrote beyond. */
export class TensorboardWriter {
  readonly #directory: string;
  readonly #hparams: Readonly<Record<string, HParam>>;
  readonly #warn: (message: string) => void;
  readonly #files: AppendedFile[] = [];

  /** @param directory `<run>/runs`; made when there is something to write */
  constructor(directory: string, { hparams = {}, warn }: TensorboardOptions) {
    this.#directory = directory;
    this.#hparams = hparams;
    this.#warn = warn;
  }

  /** Returns at once. */
  read(event: LearnerEvent): void {
    const time = Date.now() / 1000;
    switch (event.type) {
      case 'start':
      case 'resume':
        // Points of the step itself were told, and are not told again.
        this.#begin(this.#directory).write(purgeRecord({ time, step: event.state.steps + 1 }));
        break;
      case 'epoch': {
        const when = { time, step: event.state.steps };
        for (const [name, value] of event.metrics) this.#write(scalarRecord(when, `train/${name}`, value));
        if (event.dataWait !== undefined) this.#write(scalarRecord(when, 'train/data_wait', event.dataWait));
        break;
      }
      case 'validation':
        this.#validation(event, time);
        break;
      case 'end':
        this.#end(event, time);
        break;
    }
    if (event.type !== 'step') void this.flush();
  }

  async flush(): Promise<void> {
    await Promise.all(this.#files.map((file) => file.flush()));
  }

  async close(): Promise<void> {
    await Promise.all(this.#files.splice(0).map((file) => file.close()));
  }

  #validation({ listener, state, metrics, values }: ValidationEvent, time: number): void {
    const when = { time, step: state.steps };
    for (const [name, mean] of metrics) {
      const items = values.get(name) ?? [];
      const tag = `${listener}/${name}`;
      this.#write(scalarRecord(when, items.length > 0 ? `${tag}/mean` : tag, mean));
      const histogram = histogramOf(items);
      if (histogram !== undefined) this.#write(histogramRecord(when, tag, histogram));
    }
  }

  #end({ state, metrics, failed }: EndEvent, time: number): void {
    if (failed || metrics.size === 0) return;
    const directory = join(this.#directory, 'hparams');
    // Of a run that was over before and was made longer.
    rmSync(directory, { recursive: true, force: true });
    const file = this.#begin(directory);
    const when = { time, step: state.steps };
    for (const record of hparamsRecords(when, this.#hparams, [...metrics.keys()])) file.write(record);
    for (const [name, value] of metrics) file.write(scalarRecord(when, name, value));
  }

  #begin(directory: string): AppendedFile {
    const file = new AppendedFile(join(directory, newName(directory)), { warn: this.#warn });
    file.write(versionRecord({ time: Date.now() / 1000, step: 0 }));
    this.#files.push(file);
    return file;
  }

  #write(record: Uint8Array): void {
    this.#files[0]?.write(record);
  }
}

/** Files of a directory are read in the order of their names: a new one is the last, also within the same second. */
function newName(directory: string): string {
  const seconds = existing(directory).map((name) =>
    Number(/^events\.out\.tfevents\.(\d+)\./.exec(name)?.[1] ?? 0),
  );
  const next = Math.max(Math.floor(Date.now() / 1000), ...seconds.map((each) => each + 1));
  return `events.out.tfevents.${String(next).padStart(10, '0')}.${hostname()}.${process.pid}.0`;
}

function existing(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
