import { fileURLToPath } from 'node:url';
import { packageVersion } from '../packageVersion.ts';
import { addonFinding, libtorchFinding, loadFindings } from './binaries.ts';
import { type Finding, ok } from './finding.ts';
import {
  cacheFinding,
  compilersFinding,
  diskFinding,
  memoryFinding,
  nodeFinding,
  platformFinding,
  threadsFinding,
} from './machine.ts';

/** Looks at everything that training needs, in the order in which it is needed. */
export function examine(env: NodeJS.ProcessEnv = process.env): Finding[] {
  const binaries = [addonFinding(env), libtorchFinding(env)];
  const canLoad = binaries.every(({ state }) => state !== 'problem');
  return [
    nodeFinding(),
    platformFinding(),
    ok('xpmir', `${packageVersion()} (${fileURLToPath(new URL('../..', import.meta.url))})`),
    ...binaries,
    ...(canLoad ? loadFindings(env) : []),
    threadsFinding(env),
    memoryFinding(),
    diskFinding(),
    cacheFinding(env),
    compilersFinding(env),
  ];
}
