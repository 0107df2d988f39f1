/** The program that a job's process runs: `main.ts <job directory>`. */
import { runJob } from './runJob.ts';

void runJob(process.argv[2] as string);
