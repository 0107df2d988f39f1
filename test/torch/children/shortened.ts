/** `shortened.ts PATH MMAP`: sums a tensor of a file that was shortened after it was made, or opened. Prints what came of it. */
import { truncateSync } from 'node:fs';
import * as torch from '../../../lib/torch/index.ts';

const [path, mmap] = process.argv.slice(2) as [string, string];
const file = await torch.openSafetensors(path, { mmap: mmap === 'true' });
const first = await file.getTensor('first');
truncateSync(path, 4096);
const second = await file.getTensor('second').then(
  () => 'read',
  (error: Error) => (error as torch.SafetensorsError).reason ?? (error as { code?: string }).code,
);
console.log(JSON.stringify({ second, sum: first.sum().item() }));
