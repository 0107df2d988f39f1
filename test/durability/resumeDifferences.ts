/** What tells a run that was cut from one that was not. */
import type { Case } from './resumeCases.ts';
import type { Trace } from './resumeRun.ts';

/** A run in two parts. */
export interface Parts {
  readonly first: Trace;
  readonly second: Trace;
}

/** One sentence for each difference; none where the parts together are the whole run to the last bit. */
export function differences(whole: Trace, { first, second }: Parts, { accumulate }: Case): string[] {
  const found: string[] = [];
  const compare = (what: string, expected: unknown, received: unknown) => {
    const [a, b] = [JSON.stringify(expected), JSON.stringify(received)];
    if (a !== b) found.push(`${what}: ${shortened(b, a)} instead of ${shortened(a, b)}`);
  };
  const learnt = [...first.taken.slice(0, first.saved.steps * accumulate), ...second.taken];
  for (const [i, ids] of whole.taken.entries()) {
    if (`${ids}` === `${learnt[i]}`) continue;
    compare(`batch ${i}`, ids, learnt[i]);
    break;
  }
  compare('batches', whole.taken.length, learnt.length);
  for (const [i, line] of whole.log.entries()) {
    if (line === second.log[i]) continue;
    compare(`line ${i} of the log`, line, second.log[i]);
    break;
  }
  compare('lines of the log', whole.log.length, second.log.length);
  for (const [epoch, looks] of Object.entries(whole.epochs)) {
    const own = second.epochs[Number(epoch)];
    if (own === undefined && Number(epoch) <= first.saved.epoch) continue;
    for (const [name, look] of Object.entries(looks))
      compare(`${name} after epoch ${epoch}`, look, own?.[name]);
  }
  compare('last checkpoint', [whole.saved, whole.files], [second.saved, second.files]);
  return found;
}

/** Around the place where two texts begin to differ. */
function shortened(text: string | undefined, other: string | undefined): string {
  if (text === undefined) return 'nothing';
  let at = 0;
  while (at < text.length && text[at] === other?.[at]) at++;
  const from = Math.max(0, at - 40);
  return `${from > 0 ? '…' : ''}${text.slice(from, at + 40)}${at + 40 < text.length ? '…' : ''}`;
}
