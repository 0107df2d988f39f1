/** `xpmir doctor`: what is here, and what to do about what is not. */
import { Command } from 'commander';
import type { Finding } from '../doctor/finding.ts';
import { action } from './action.ts';

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('look at everything that training needs; exit code 1 if something is missing')
    .option('--json', 'one JSON object')
    .action(
      action(async ({ json }: { readonly json?: true }) => {
        const { examine } = await import('../doctor/examine.ts');
        const findings = examine();
        const isWell = findings.every(({ state }) => state !== 'problem');
        if (json) console.log(JSON.stringify({ ok: isWell, findings }, undefined, 2));
        else for (const finding of findings) console.log(line(finding));
        if (!isWell) process.exitCode = 1;
      }),
    );
}

const SIGNS = { ok: 'ok     ', note: 'note   ', problem: 'PROBLEM' } as const;

function line({ name, state, found, remedy }: Finding): string {
  const told = `${SIGNS[state]}  ${name}: ${found}`;
  return remedy === undefined ? told : `${told}\n         ${remedy.replaceAll('\n', '\n         ')}`;
}
