/**
 * Searches with the model that `npm run demo` trained:
 *
 *     npx tsx examples/search.ts "read a file line by line"
 */
import { DEFAULT_OUT, readArguments, runProgram } from './jsdoc/program.ts';
import { describe, Searcher } from './jsdoc/saved.ts';

const USAGE = `Usage: npx tsx examples/search.ts [--model DIR] [--top N] QUERY

  --model DIR  where npm run demo saved its model (default ${DEFAULT_OUT})
  --top N      how many declarations to print (default 10)`;

await runProgram(USAGE, async () => {
  const { values, positionals, count } = readArguments(
    { model: 'string', top: 'string' },
    { positionals: true },
  );
  const query = positionals.join(' ').trim();
  if (query === '') throw new Error('Expected what to search for, such as "read a file line by line"');
  const top = count('top', 10);
  const searcher = await Searcher.load(values.model ?? DEFAULT_OUT);
  const found = searcher.search(query, top);
  console.log(found.length > 0 ? describe(found) : 'Nothing found: the query has no letters or digits.');
});
