/** What is wrong with what was saved. */

/** A checkpoint or an index that cannot be what was written. */
export class DamagedError extends Error {
  readonly code = 'ERR_FILE';
  constructor(message: string) {
    super(message);
    this.name = 'DamagedError';
  }
}

/** Something else is in the place of a file. */
export class NotAFileError extends DamagedError {
  constructor() {
    super('it is no regular file');
    this.name = 'NotAFileError';
  }
}

/** A checkpoint that could not be written. Those before it are as they were. */
export class CheckpointSaveError extends Error {
  /** What the system said, such as `ENOSPC` for a full disk. */
  readonly code: string;
  /** What was being written. */
  readonly path: string;
  /** Bytes of the whole checkpoint. */
  readonly bytes: number;

  constructor(message: string, { code, path, bytes, cause }: SaveFailure) {
    super(message, { cause });
    this.name = 'CheckpointSaveError';
    this.code = code;
    this.path = path;
    this.bytes = bytes;
  }
}

export interface SaveFailure {
  readonly code: string;
  readonly path: string;
  readonly bytes: number;
  readonly cause: unknown;
}
