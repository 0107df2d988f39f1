/** Whether arrays that were read fit each other, as whatever searches them relies on. */
import { DamagedError } from '../../learning/damaged.ts';
import { FILES, type IndexArrays } from './indexFiles.ts';

/** @throws DamagedError that names the first one that does not */
export function checkArrays(directory: string, arrays: IndexArrays): void {
  const { idBytes, idEnds, idSlots, lengths, termBytes, termEnds, termSlots } = arrays;
  const { termChunks, collectionFrequencies, chunkIds, chunkStarts, lows, frequencies } = arrays;
  const fits: Partial<Record<keyof IndexArrays, boolean>> = {
    idEnds: isAscending(idEnds, 0, idBytes.length),
    idSlots: isTable(idSlots, idEnds.length),
    lengths: lengths.length === idEnds.length,
    termEnds: isAscending(termEnds, 0, termBytes.length),
    termSlots: isTable(termSlots, termEnds.length),
    termChunks: termChunks.length === termEnds.length + 1 && isAscending(termChunks, 0, chunkIds.length),
    collectionFrequencies: collectionFrequencies.length === termEnds.length,
    chunkStarts: chunkStarts.length === chunkIds.length + 1 && isAscending(chunkStarts, 0, lows.length),
    chunkIds: chunkIds.every((high) => high * 2 ** 16 < lengths.length),
    frequencies: frequencies.length === lows.length,
    largeFrequencies: arrays.largeFrequencies.length === arrays.largePostings.length,
  };
  for (const [name, ok] of Object.entries(fits)) {
    if (!ok)
      throw new DamagedError(
        `${directory} is no whole index: ${FILES[name as keyof IndexArrays]} does not fit the other files`,
      );
  }
}

/** Never falls, and ends where what it points into ends. */
function isAscending(array: Uint32Array, from: number, end: number): boolean {
  let last = from;
  for (const value of array) {
    if (value < last) return false;
    last = value;
  }
  return last === end;
}

/** A power of two that is at most half full, or a search for what is not there would not end. */
function isTable(slots: Uint32Array, size: number): boolean {
  if (slots.length === 0 || (slots.length & (slots.length - 1)) !== 0 || size * 2 > slots.length)
    return false;
  let used = 0;
  for (const slot of slots) {
    if (slot > size) return false;
    if (slot > 0) used++;
  }
  return used === size;
}
