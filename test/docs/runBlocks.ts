/** Imports modules one after the other, each once nothing is left to do of the one before, and says which one begins. */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const modules = process.argv.slice(2);
let running: string | undefined;

process.on('beforeExit', () => {
  if (running !== undefined) throw new Error(`${running} waits for what never comes`);
  running = modules.shift();
  if (running === undefined) return;
  process.stdout.write(`\u001e${running}\n`);
  void import(pathToFileURL(resolve(running)).href).then(() => {
    running = undefined;
  });
});
