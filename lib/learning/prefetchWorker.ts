/**
 * The program of a thread that works ahead for a PrefetchIterator.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { ArgumentError } from '../errors.ts';
import { SerializableIterator } from './iterators.ts';
import {
  checkPlain,
  type IteratorOrigin,
  type Prefetched,
  type PrefetchStart,
  recordError,
} from './prefetchProtocol.ts';

const { origin, state, capacity } = workerData as PrefetchStart;
let room = capacity;
let roomForOne: (() => void) | undefined;
parentPort?.on('message', (taken: number) => {
  room += taken;
  roomForOne?.();
});

const send = (message: Prefetched) => parentPort?.postMessage(message);

async function work(): Promise<void> {
  const iterator = await open(origin);
  if (state !== null) iterator.loadStateDict(state);
  for (;;) {
    while (room === 0) {
      await new Promise<void>((resolve) => {
        roomForOne = resolve;
      });
    }
    room--;
    const item = await iterator.next();
    checkPlain(item.value, 'item');
    send({ item: item.done === true ? { done: true, value: undefined } : item, state: iterator.stateDict() });
  }
}

async function open({ module, name, options }: IteratorOrigin): Promise<SerializableIterator<unknown>> {
  const exported = (await import(module)) as Readonly<Record<string, unknown>>;
  const make = exported[name];
  if (typeof make !== 'function') throw new ArgumentError(`prefetch: ${module} exports no function ${name}`);
  const iterator: unknown = await make(options);
  if (iterator instanceof SerializableIterator) return iterator;
  throw new ArgumentError(`prefetch: ${name} of ${module} returned no SerializableIterator`);
}

work().catch((error: unknown) => send({ error: recordError(error) }));
