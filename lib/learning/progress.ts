/**
 * The progress of a run for people: one line that stays in place on a terminal, `key=value` lines elsewhere.
 * A star behind a validated value: the best so far.
 */
import type { ReportProgress } from '../experiment/jobProgress.ts';
import type { EventReader, LearnerEvent, StartEvent, StepEvent, ValidationEvent } from './events.ts';

export interface ProgressOptions {
  /** Where to write, default stderr. */
  readonly stream?: { write(text: string): unknown; readonly isTTY?: boolean; readonly columns?: number };
  /** Shows warnings only, default false. */
  readonly quiet?: boolean;
  /** More values to show beside those of a validation, such as a baseline's. */
  readonly beside?: (event: ValidationEvent) => Readonly<Record<string, number>>;
  /** Milliseconds, default `performance.now`. */
  readonly now?: () => number;
}

type Fields = readonly (readonly [key: string, value: string])[];

/** Milliseconds between two writings. */
const TERMINAL_INTERVAL = 100;
const LINES_INTERVAL = 5000;
/** Share of a step in the shown loss and speed. */
const SMOOTHING = 0.1;
const ERASE = '\r\x1b[2K';

/** Reads events and writes them as progress. */
export function progress(options: ProgressOptions = {}): EventReader {
  const writer = new ProgressWriter(options);
  return (event) => writer.read(event);
}

/** Reads events and reports how far the run is: all of it, and inside that the epoch. */
export function reportTo(report: ReportProgress): EventReader {
  let size: Pick<StartEvent, 'maxEpochs' | 'stepsPerEpoch'> = { maxEpochs: 1, stepsPerEpoch: 1 };
  return (event) => {
    if (event.type === 'start') size = event;
    if (event.type !== 'start' && event.type !== 'step') return;
    const { maxEpochs, stepsPerEpoch } = size;
    const { epoch, steps } = event.state;
    report(steps / (maxEpochs * stepsPerEpoch), { description: `epoch ${epoch}/${maxEpochs}` });
    const inEpoch = steps - Math.max(epoch - 1, 0) * stepsPerEpoch;
    report(inEpoch / stepsPerEpoch, { level: 1, description: `step ${inEpoch}/${stepsPerEpoch}` });
  };
}

class ProgressWriter {
  readonly #stream: NonNullable<ProgressOptions['stream']>;
  readonly #quiet: boolean;
  readonly #beside: NonNullable<ProgressOptions['beside']>;
  readonly #now: () => number;
  #size: Pick<StartEvent, 'maxEpochs' | 'stepsPerEpoch'> = { maxEpochs: 0, stepsPerEpoch: 0 };
  #startedAt = 0;
  #startedWith = 0;
  #lastStepAt: number | undefined;
  #writtenAt = Number.NEGATIVE_INFINITY;
  #secondsPerStep: number | undefined;
  #smoothed = new Map<string, number>();
  /** Whether a line of the last epoch stays. */
  #told = false;

  constructor({
    stream = process.stderr,
    quiet = false,
    beside = () => ({}),
    now = () => performance.now(),
  }: ProgressOptions) {
    this.#stream = stream;
    this.#quiet = quiet;
    this.#beside = beside;
    this.#now = now;
  }

  read(event: LearnerEvent): void {
    if (this.#quiet && event.type !== 'warning' && event.type !== 'restart') return;
    switch (event.type) {
      case 'warning':
        this.#print('warning', [['message', event.message]], `warning: ${event.message}`);
        break;
      case 'restart':
        this.#print('restart', [['message', event.message]], `warning: ${event.message}`);
        break;
      case 'start':
      case 'resume':
        this.#size = event;
        this.#startedAt = this.#now();
        this.#startedWith = event.state.steps;
        break;
      case 'step':
        this.#step(event);
        break;
      case 'epoch':
        // What comes between epochs is not the time of a step.
        this.#lastStepAt = undefined;
        this.#told = false;
        if (this.#stream.isTTY) this.#stream.write(ERASE);
        else this.#print('epoch', [...this.#where(event.state), ...shown(event.metrics)]);
        break;
      case 'validation':
        this.#validation(event);
        break;
      case 'end':
        if (this.#stream.isTTY) this.#stream.write(ERASE);
        // A run that failed says so by its error.
        if (event.reason === 'stopped' || event.reason === 'cancelled')
          this.#print('end', [['reason', event.reason], ...this.#where(event.state)]);
        else if (event.reason === 'finished') this.#summary(event.state);
        break;
      case 'checkpoint':
        break;
    }
  }

  #step({ state, metrics }: StepEvent): void {
    const now = this.#now();
    if (this.#lastStepAt !== undefined) {
      this.#secondsPerStep = blend(this.#secondsPerStep, (now - this.#lastStepAt) / 1000);
    }
    this.#lastStepAt = now;
    for (const [key, value] of metrics) this.#smoothed.set(key, blend(this.#smoothed.get(key), value));
    if (now - this.#writtenAt < (this.#stream.isTTY ? TERMINAL_INTERVAL : LINES_INTERVAL)) return;
    this.#writtenAt = now;

    const rate: Fields =
      this.#secondsPerStep === undefined ? [] : [['steps/s', (1 / this.#secondsPerStep).toFixed(1)]];
    // Wall time of all that was done stands for what is left: validations and checkpoints count too.
    const total = this.#size.maxEpochs * this.#size.stepsPerEpoch;
    const perStep = (now - this.#startedAt) / 1000 / (state.steps - this.#startedWith);
    const left = perStep * (total - state.steps);
    const [where, values] = [this.#where(state), shown(this.#smoothed)];
    if (!this.#stream.isTTY) {
      this.#print('step', [...where, ...values, ...rate, ['left_s', left.toFixed(0)]]);
      return;
    }
    // A terminal that does not know its width says 0.
    const width = (this.#stream.columns || 80) - 1;
    this.#stream.write(ERASE + fitted({ where, values, rate }, `${clock(left)} left`, width));
  }

  /** What stays on a terminal of a run that told nothing else of its last epoch. */
  #summary(state: StepEvent['state']): void {
    if (this.#stream.isTTY && this.#smoothed.size > 0 && !this.#told)
      this.#print('', [...this.#where(state), ...shown(this.#smoothed)]);
  }

  #validation(event: ValidationEvent): void {
    const { listener, state, metrics, improved } = event;
    const values = [...metrics].map(([key, value]) => [key, value.toFixed(4)] as const);
    const beside = Object.entries(this.#beside(event)).map(
      ([key, value]) => [key, value.toFixed(4)] as const,
    );
    const marked = values.map(([key, value]) => [key, improved.has(key) ? `${value}*` : value] as const);
    const best: Fields = improved.size > 0 ? [['best', [...improved].join(',')]] : [];
    const where = this.#where(state);
    this.#told = true;
    this.#print(
      'validation',
      [['listener', listener], ...where, ...values, ...beside, ...best],
      inWords([...where.slice(0, 1), ...shown(this.#smoothed), ...marked, ...beside]),
    );
  }

  #where({ epoch, steps }: { readonly epoch: number; readonly steps: number }): Fields {
    const { maxEpochs, stepsPerEpoch } = this.#size;
    return [
      ['epoch', `${epoch}/${maxEpochs}`],
      ['step', `${steps}/${maxEpochs * stepsPerEpoch}`],
    ];
  }

  /** A line that stays: words on a terminal, `key=value` elsewhere. */
  #print(what: string, fields: Fields, words = inWords(fields)): void {
    const pairs = fields.map(([key, value]) => `${key.replaceAll(' ', '_')}=${quoted(value)}`);
    this.#stream.write(
      this.#stream.isTTY
        ? `${ERASE}${words}
`
        : `${[what, ...pairs].join(' ')}
`,
    );
  }
}

/** Losses and what else was measured; learning rates and their like are not for this line. */
function shown(metrics: ReadonlyMap<string, number>): Fields {
  return [...metrics]
    .filter(([key]) => !key.startsWith('gradient/'))
    .map(([key, value]) => [key, value.toPrecision(4)]);
}

/** As many of the values as there is room for beside where the run is, how fast, and how much is left. */
function fitted(
  { where, values, rate }: Readonly<Record<'where' | 'values' | 'rate', Fields>>,
  left: string,
  width: number,
): string {
  for (let count = values.length; ; count--) {
    const line = `${inWords([...where, ...values.slice(0, count), ...rate])}  ${left}`;
    if (line.length <= width || count === 0) return line.slice(0, width);
  }
}

function inWords(fields: Fields): string {
  return fields.map(([key, value]) => `${key} ${value}`).join('  ');
}

function blend(before: number | undefined, value: number): number {
  return before === undefined ? value : before + SMOOTHING * (value - before);
}

function quoted(value: string): string {
  return /[\s"=]/.test(value) ? JSON.stringify(value) : value;
}

/** 65 is `1:05`, 3725 is `1:02:05`. */
function clock(seconds: number): string {
  const whole = Math.round(seconds);
  const two = (n: number) => String(n).padStart(2, '0');
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}
