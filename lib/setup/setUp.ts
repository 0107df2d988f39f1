import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { choiceFile, type Libtorch, locateLibtorch } from '../libtorch.ts';
import { fetchLibtorch } from './libtorch.ts';
import type { SetUpPlan } from './plan.ts';
import { makeDirectory, writeProblem } from './space.ts';

/**
 * Does what a plan says. What was fetched or chosen is what programs load from then on, unless XPMIR_LIBTORCH names another.
 *
 * @returns the libtorch that programs load now
 * @throws LibtorchError where it is of a version that no addon here was compiled against
 */
export async function setUp(plan: SetUpPlan, env: NodeJS.ProcessEnv = process.env): Promise<Libtorch> {
  if (plan.action === 'keep') return plan.libtorch;
  const directory = plan.action === 'choose' ? plan.directory : await fetchLibtorch(plan.request, env);
  // Tried as the only one: what is found otherwise says nothing about it.
  const chosen = locateLibtorch({ env: { ...env, XPMIR_LIBTORCH: directory } });
  if (env.XPMIR_LIBTORCH)
    console.error(`XPMIR_LIBTORCH is set to ${env.XPMIR_LIBTORCH}: programs load that one while it is`);
  noteChoice(directory, env);
  return { ...chosen, source: 'xpmir setup' };
}

function noteChoice(directory: string, env: NodeJS.ProcessEnv): void {
  const file = choiceFile(env);
  const staged = `${file}.${process.pid}`;
  try {
    makeDirectory(dirname(file));
    writeFileSync(staged, `${JSON.stringify({ directory })}\n`);
    renameSync(staged, file);
  } catch (error) {
    rmSync(staged, { force: true });
    throw writeProblem(dirname(file), error);
  }
}
