/** The oldest system libraries that a binary runs with, by the versions of the symbols that it needs. */
import { spawnSync } from 'node:child_process';
import { glibcFloor, isOlder } from '../../lib/platform.ts';

/** libstdc++ and the C++ ABI of g++ 8, which libtorch's own libraries need on glibc 2.28. */
export const floors: Readonly<Record<string, string>> = {
  GLIBC: glibcFloor,
  GLIBCXX: '3.4.25',
  CXXABI: '1.3.11',
  GOMP: '4.5',
  GCC: '7.0.0',
};

/** One sentence for each symbol of a library that needs a newer system than the floors say. */
export function newerSymbols(library: string): string[] {
  const { status, stdout, stderr } = spawnSync('objdump', ['-T', library], {
    encoding: 'utf8',
    maxBuffer: 2 ** 30,
  });
  if (status !== 0) throw new Error(`objdump could not read ${library}: ${stderr}`);
  return newerThanFloors(stdout).map((symbol) => `${library} needs ${symbol}`);
}

/** The symbols in what `objdump -T` prints that are newer than the floors, each with what it is newer than. */
export function newerThanFloors(table: string): string[] {
  return [...table.matchAll(/\*UND\*.*\((\w+?)_([\d.]+)\)\s+(\S+)/g)].flatMap(([, family, version, name]) => {
    const floor = floors[family as string];
    if (floor !== undefined && !isOlder(floor, version as string)) return [];
    return [`${name} of ${family}_${version}, newer than ${family}_${floor ?? 'none'}`];
  });
}
