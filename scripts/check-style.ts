/** Fails on what no linter knows: files that grew too long, paths of somebody's machine, a registry in the lock file. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const lineCap = 400;
const capped = /\.(ts|mjs|js|cc|h)$/;
const generated = /^lib\/torch\/generated\//;
const text = /\.(ts|mjs|js|cc|h|py|json|jsonc|md|txt|yml|sh|gyp)$|^[^.]+$|^\.ci\//;
/** Written in two parts, so that this file does not contain what it looks for. */
const machinePath = new RegExp(`(?<![\\w.}~-])/(${['work', 'tmp', 'root'].join('|')})/\\w`);
const unfinished = new RegExp(`\\b(${['TO', 'FIX'].map((word, i) => word + ['DO', 'ME'][i]).join('|')})\\b`);

/** One sentence for each problem in a file. */
export function styleProblems(path: string, content: string): string[] {
  const problems: string[] = [];
  const lines = content.split('\n');
  if (capped.test(path) && !generated.test(path) && lines.length - 1 > lineCap) {
    problems.push(`${path}: ${lines.length - 1} lines, at most ${lineCap}: split it by purpose`);
  }
  for (const [index, line] of lines.entries()) {
    const where = `${path}:${index + 1}`;
    if (machinePath.test(line))
      problems.push(`${where}: a path of one machine: ${line.trim().slice(0, 100)}`);
    if (capped.test(path) && unfinished.test(line))
      problems.push(`${where}: unfinished: ${line.trim().slice(0, 100)}`);
    if (path === 'package-lock.json' && /"resolved"|registry\./.test(line)) {
      problems.push(`${where}: names a registry; npm leaves that out with the settings in .npmrc`);
    }
  }
  return problems;
}

/** Files that are, or are about to be, part of the repository. */
function repositoryFiles(root: string): string[] {
  const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '-z'], {
    cwd: root,
    encoding: 'utf8',
  });
  return [...new Set(listed.split('\0'))].filter(
    (path) => path !== '' && text.test(path) && existsSync(join(root, path)),
  );
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const root = join(import.meta.dirname, '..');
  const problems = repositoryFiles(root).flatMap((path) =>
    styleProblems(path, readFileSync(join(root, path), 'utf8')),
  );
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) process.exit(1);
}
