/**
 * The header of a safetensors file whose rows are not counted yet.
 */
import { open } from 'node:fs/promises';
import type { VectorDType } from './vectorFiles.ts';

/** Bytes of the header: whatever the number of rows, so that it is written over; and rows begin at a multiple of 64. */
export const HEADER = 256;
const LENGTH = 8;

/** The header for one tensor, `vectors`, of so many rows, filled up with spaces as the format allows. */
export function safetensorsHeader(
  rows: number,
  { dim, dtype }: { readonly dim: number; readonly dtype: VectorDType },
): Buffer {
  const bytes = rows * dim * (dtype === 'float32' ? 4 : 2);
  const vectors = {
    dtype: dtype === 'float32' ? 'F32' : 'F16',
    shape: [rows, dim],
    data_offsets: [0, bytes],
  };
  const header = Buffer.alloc(HEADER, ' ');
  header.writeBigUInt64LE(BigInt(HEADER - LENGTH), 0);
  header.write(JSON.stringify({ vectors }), LENGTH);
  return header;
}

/** Writes a header over the one that is there, and forces it to the disk. */
export async function replaceHeader(path: string, header: Buffer): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.write(header, 0, header.length, 0);
    await file.sync();
  } finally {
    await file.close();
  }
}
