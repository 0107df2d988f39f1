/**
 * Files that are whole or not there: written beside, forced to the disk, renamed.
 */
import { replaceFile } from '../torch/io/replaceFile.ts';

/** Writes a text file; a reader sees the old content or the new one. */
export async function writeFileAtomically(path: string, content: string): Promise<void> {
  await replaceFile(path, (file) => file.writeFile(content));
}

/** Writes a file piece after piece; a reader sees the old content or the new one. */
export async function writePiecesAtomically(
  path: string,
  pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<void> {
  await replaceFile(path, async (file) => {
    for await (const piece of pieces) await file.writeFile(piece);
  });
}
