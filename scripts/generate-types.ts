/**
 * Generates lib/torch/generated from the schemas that the loaded libtorch lists.
 *
 *   npm run generate                     writes the files
 *   npm run check:generated              fails, with a summary, where what is there differs
 *   ... -- --schemas schemas.json        reads a JSON list of schema texts instead of loading the addon
 */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { emitAll } from './schema/emit.ts';
import { publicNames, takeCensus } from './schema/public.ts';

const { values: options } = parseArgs({
  options: { check: { type: 'boolean', default: false }, schemas: { type: 'string' } },
});
const folder = new URL('../lib/torch/generated/', import.meta.url);

async function readSchemas(): Promise<readonly string[]> {
  if (options.schemas !== undefined) return JSON.parse(readFileSync(options.schemas, 'utf8'));
  const { native } = await import('../lib/native.ts');
  return native().schemas();
}

/** Lines that only one of the two texts has, at most ten of them. */
function summarize(file: string, committed: string, generated: string): string {
  const before = new Set(committed.split('\n'));
  const after = new Set(generated.split('\n'));
  const gone = [...before].filter((line) => !after.has(line)).map((line) => `  - ${line.trim()}`);
  const come = [...after].filter((line) => !before.has(line)).map((line) => `  + ${line.trim()}`);
  const changes = [...gone, ...come];
  const shown = changes.slice(0, 10).map((line) => (line.length > 160 ? `${line.slice(0, 157)}...` : line));
  const rest = changes.length > shown.length ? [`  ... ${changes.length - shown.length} more lines`] : [];
  const head = `lib/torch/generated/${file}: ${gone.length} lines gone, ${come.length} new`;
  return [changes.length > 0 ? head : `${head}; only their order differs`, ...shown, ...rest].join('\n');
}

function readCommitted(file: string): string {
  try {
    return readFileSync(new URL(file, folder), 'utf8');
  } catch {
    return '';
  }
}

const census = takeCensus(await readSchemas());
const files = emitAll(census);
const stale = [...files].filter(([file, text]) => readCommitted(file) !== text);
if (options.check) {
  for (const [file, text] of stale) console.error(summarize(file, readCommitted(file), text));
  if (stale.length > 0) {
    console.error(
      'The committed types differ from what libtorch lists. Run `npm run generate` and commit the result.',
    );
    process.exitCode = 1;
  }
} else {
  mkdirSync(folder, { recursive: true });
  for (const [file, text] of stale) writeFileSync(new URL(file, folder), text);
  const { functions, methods } = publicNames(census);
  console.log(
    `${census.mapped.length} public schemas under ${functions.length} names (${methods.length} methods), ` +
      `${census.unmapped.length} unmapped; ${stale.length} files changed`,
  );
}
