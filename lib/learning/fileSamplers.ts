/**
 * Samplers over files, in the order of the file.
 */
import { wrong } from '../experiment/accept.ts';
import { config } from '../experiment/config.ts';
import { param } from '../experiment/parameters.ts';
import { list, optional, pathname, string } from '../experiment/types.ts';
import { type FileState, JsonlIterator, LineIterator, TsvIterator } from './fileIterators.ts';
import type { SerializableIterator } from './iterators.ts';
import { Sampler } from './sampler.ts';

/** Each line of a file, in its order. */
export abstract class FileSampler<T = unknown> extends config(
  import.meta,
  'xpmir.learning.files.FileSampler',
  {
    file: param(pathname),
    /** Names what is in the file, in the identity; where the file lies is never there. */
    content: param(optional(string)),
  },
  Sampler,
) {
  abstract override iterate(): SerializableIterator<T, FileState>;
  declare batches: Sampler<T>['batches'];
}

/** The lines of a text file. */
export class LineSampler extends config(import.meta, 'xpmir.learning.files.LineSampler', {}, FileSampler) {
  iterate(): LineIterator {
    return new LineIterator(this.file);
  }
}

/** A record in JSON on each line. */
export class JsonlSampler<T = unknown> extends config(
  import.meta,
  'xpmir.learning.files.JsonlSampler',
  {},
  FileSampler,
) {
  declare batches: Sampler<T>['batches'];
  iterate(): JsonlIterator<T> {
    return new JsonlIterator<T>(this.file);
  }
}

/** Fields between tabs on each line, by the names of the columns. */
export class TsvSampler extends config(
  import.meta,
  'xpmir.learning.files.TsvSampler',
  { columns: param(list(string)) },
  FileSampler,
) {
  override validate(): void {
    super.validate();
    if (this.columns.length === 0) throw wrong('columns', 'at least one name', this.columns);
  }

  iterate(): TsvIterator {
    return new TsvIterator(this.file, this.columns);
  }
}
