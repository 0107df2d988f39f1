/**
 * Files that are whole or not there: written beside, forced to the disk, renamed.
 */
import { replaceFile } from '../torch/io/replaceFile.ts';

/** Writes a text file; a reader sees the old content or the new one. */
export async function writeFileAtomically(path: string, content: string): Promise<void> {
  await replaceFile(path, (file) => file.writeFile(content));
}
