/** The signals that ask a process to end. */
import { constants } from 'node:os';

export const ENDING_SIGNALS = ['SIGTERM', 'SIGINT'] as const;

export type EndingSignal = (typeof ENDING_SIGNALS)[number];

/** With which code such a process ends, as shells have it: 143 for SIGTERM, 130 for SIGINT. */
export function exitCodeOf(signal: EndingSignal): number {
  return 128 + constants.signals[signal];
}
