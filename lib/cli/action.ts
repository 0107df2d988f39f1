import { types } from 'node:util';
import { Command } from 'commander';

/** Runs what a command does, and says what is wrong in one line. */
export function action<A extends unknown[]>(
  run: (...given: A) => void | Promise<void>,
): (...given: A) => Promise<void> {
  return async (...given) => {
    const command = given.find((each) => each instanceof Command) as Command;
    try {
      await run(...given);
    } catch (error) {
      command.error(`xpmir: ${types.isNativeError(error) ? error.message : error}`, { exitCode: 1 });
    }
  };
}
