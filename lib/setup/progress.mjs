/** A line of progress on standard error: redrawn in place on a terminal, a plain line every few seconds elsewhere. */
const redrawMs = 100;
const lineMs = 5_000;

export class Progress {
  #label;
  #total;
  #format;
  #live = process.stderr.isTTY === true;
  #started = Date.now();
  #drawn = 0;
  #value = 0;
  #open = false;

  /**
   * @param {string} label
   * @param {number | undefined} total undefined when it is not known, and then no share is claimed
   * @param {(value: number) => string} [format]
   */
  constructor(label, total, format = String) {
    this.#label = label;
    this.#total = total;
    this.#format = format;
    this.#draw();
  }

  /** @param {number} value */
  update(value) {
    this.#value = value;
    if (Date.now() - this.#drawn >= (this.#live ? redrawMs : lineMs)) this.#draw();
  }

  /** Ends the line as done. */
  finish(note = '') {
    const seconds = ((Date.now() - this.#started) / 1000).toFixed(1);
    this.#write(`${this.#label}: done in ${seconds} s${note && `, ${note}`}`);
    this.stop();
  }

  /** Leaves the line as it is, so that an error can follow on its own. */
  stop() {
    if (this.#live && this.#open) process.stderr.write('\n');
    this.#open = false;
  }

  #draw() {
    this.#drawn = Date.now();
    const share = this.#total
      ? ` of ${this.#format(this.#total)} (${Math.floor((100 * this.#value) / this.#total)} %)`
      : '';
    this.#write(
      this.#value === 0 ? `${this.#label} ...` : `${this.#label}: ${this.#format(this.#value)}${share}`,
    );
  }

  #write(text) {
    process.stderr.write(this.#live ? `\r\x1b[K${text}` : `${text}\n`);
    this.#open = true;
  }
}

/** @param {number} bytes */
export function megabytes(bytes) {
  return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
}
