import { readdirSync } from 'node:fs';

/** Names in a directory; empty when there is no such directory. */
export function listDirectory(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
