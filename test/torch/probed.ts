/** `probed.ts PATH OPTIONS`: what `torch.jit.probe` says, as JSON. */
import { probe } from '../../lib/torch/jit/probe.ts';

const [path, options] = process.argv.slice(2) as [string, string];
const found = await probe(path, JSON.parse(options)).then(
  (found) => ({ found }),
  ({ code, message }) => ({ problem: `${code}: ${message}` }),
);
console.log(JSON.stringify(found));
