/** Makes three tensors in one line, and prints where those that live were made. */
import { zeros } from '../../../lib/torch/generated/functions.ts';
import { livePlaces } from '../../../lib/torch/tracking.ts';

const left = Array.from({ length: 3 }, () => zeros([4, 4]));
process.stdout.write(livePlaces());
for (const tensor of left) tensor.dispose();
