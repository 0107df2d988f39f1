/**
 * The program of a thread that encodes for a TokenizerPool.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { recordError } from '../learning/prefetchProtocol.ts';
import type { TokenArrays } from './encoding.ts';
import { readEither } from './files.ts';
import type { Answer, Question, ThreadStart } from './poolProtocol.ts';
import { TokenEncoder } from './tokenEncoder.ts';

const { path } = workerData as ThreadStart;
const opened = readEither(path).then((files) => new TokenEncoder(files));
// Told to each who asks.
opened.catch(() => {});

parentPort?.on('message', async ({ number, inputs, options }: Question) => {
  try {
    const arrays = (await opened).encodeArrays(inputs, options);
    send({ number, arrays }, buffersOf(arrays));
  } catch (error) {
    send({ number, error: recordError(error) }, []);
  }
});

function send(answer: Answer, transferred: ArrayBuffer[]): void {
  parentPort?.postMessage(answer, transferred);
}

function buffersOf({ inputIds, attentionMask, tokenTypeIds, specialTokensMask }: TokenArrays): ArrayBuffer[] {
  return [inputIds, attentionMask, tokenTypeIds, specialTokensMask].map(
    ({ buffer }) => buffer as ArrayBuffer,
  );
}
