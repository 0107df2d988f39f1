/** The number of this process among those that run one job together, as torchrun and Slurm give it; 0 when alone. */
export function rank(environment: NodeJS.ProcessEnv = process.env): number {
  // RANK first: a process that torchrun starts inside of a Slurm task has both.
  for (const name of ['RANK', 'SLURM_PROCID', 'LOCAL_RANK']) {
    const value = environment[name];
    if (value !== undefined && /^\d+$/.test(value)) return Number(value);
  }
  return 0;
}
