/** What must not be in a published package. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

const strangers =
  /(^|\/)(test|tests|__tests__|bench|node_modules)\/.*(?<!\.md)$|\.(test|spec)\.\w+$|(^|\/)(binding\.gyp|\.env|\.npmrc)$/;
const textual = /\.(js|mjs|ts|map|json|md|txt|cc|h)$/;

/**
 * One sentence for each file of a staged package that must not be there, and for each that holds a path of this machine.
 *
 * @param places directories of this machine, such as the checkout
 */
export function contentProblems(directory: string, places: readonly string[]): string[] {
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((path) =>
    statSync(join(directory, path)).isFile(),
  );
  return files.flatMap((path) => {
    if (strangers.test(path)) return [`${path} does not belong into a package`];
    const isLicence = path.startsWith('licenses/');
    if (isLicence || (!textual.test(path) && !path.endsWith('.node'))) return [];
    const content = readFileSync(join(directory, path), 'latin1');
    return places
      .filter((place) => content.includes(`${place}/`))
      .map((place) => `${path} holds the path ${place}`);
  });
}
