#!/usr/bin/env node
/** `xpmir`: the program. Its commands load what they need, so that none but those that train loads libtorch. */
import { program } from './cli/program.ts';

// Whoever reads what is printed, such as `head`, may have read enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

void program().parseAsync();
