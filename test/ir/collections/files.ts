import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from '../../support/temporary.ts';

/** Writes a file of that name in a fresh directory, which is removed after the test. */
export function file(content: string | Buffer, name = 'file.txt'): string {
  const path = join(temporaryDirectory(), name);
  writeFileSync(path, content);
  return path;
}

/** Topics and their documents as plain objects. */
export function nested(map: ReadonlyMap<string, ReadonlyMap<string, number>>): Record<string, unknown> {
  return Object.fromEntries([...map].map(([topic, values]) => [topic, Object.fromEntries(values)]));
}

/** What stands in ../shared/data, where that is there. */
export const SHARED = join(import.meta.dirname, '../../../../shared/data');
