type Growable = Uint8Array | Uint16Array | Uint32Array | Float64Array;

/** The array itself where it has room for so many elements, or else a copy with at least twice its own. */
export function grown<T extends Growable>(array: T, length: number): T {
  if (length <= array.length) return array;
  const larger = new (array.constructor as new (length: number) => T)(
    Math.max(length, array.length * 2, 1024),
  );
  larger.set(array);
  return larger;
}
