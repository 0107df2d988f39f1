/**
 * Gradients of a loss over many vectors in the memory of a few (Gao et al., "Scaling Deep Contrastive Learning Batch Size
 * under Memory Limited Setup", 2021: GradCache).
 *
 * The vectors are computed without a graph, the loss gives their gradients, and each part is then encoded once more, with
 * a graph, to take its gradients back to the parameters. To the bit they are the gradients of one graph over the same parts, with
 * dropout too: a part draws the same numbers twice, and parts are taken back in the order in which autograd would. In a batch that
 * is encoded in one piece, sums over rows are in another order, and several layers of dropout draw in another order.
 */
import { backward } from '../torch/autograd.ts';
import { getRngState as getCudaState, setRngState as setCudaState } from '../torch/cuda.ts';
import type { CudaDeviceName } from '../torch/cudaDevice.ts';
import { F } from '../torch/functions.ts';
import { noGrad } from '../torch/modes.ts';
import { getRngState, setRngState } from '../torch/random.ts';
import { tidy } from '../torch/scope.ts';
import type { Tensor } from '../torch/tensor.ts';

/** Encodes a part of a batch, always the same: `[n, D]`. Called twice, it draws the same random numbers. */
export type EncodePart = () => Tensor;

/** Where random numbers come from on a device: all that dropout may draw from. */
function generators(device: string): { note(): Tensor[]; restore(states: readonly Tensor[]): void } {
  const cuda = device.startsWith('cuda') ? (device as CudaDeviceName) : undefined;
  return {
    note: () => (cuda === undefined ? [getRngState()] : [getRngState(), getCudaState(cuda)]),
    restore([cpu, gpu]) {
      setRngState(cpu as Tensor);
      if (cuda !== undefined) setCudaState(gpu as Tensor, cuda);
    },
  };
}

/** A part, with what it was computed from. */
interface CachedPart {
  readonly encode: EncodePart;
  readonly before: readonly Tensor[];
  readonly vectors: Tensor;
}

/**
 * Adds to the gradients of all parameters.
 *
 * @param groups the parts of each side, such as topics and documents
 * @param learn from the vectors of each side, `[N, D]` with no graph behind them, to a `backward` of the loss
 * @param device where the vectors are
 */
export function cacheGradients(
  groups: readonly (readonly EncodePart[])[],
  learn: (vectors: readonly Tensor[]) => void,
  device: string,
): void {
  const random = generators(device);
  const cached = noGrad(() =>
    groups.map((parts) =>
      parts.map((encode): CachedPart => {
        const before = random.note();
        return { encode, before, vectors: tidy(encode) };
      }),
    ),
  );
  const all = cached.map((parts) => {
    const vectors = F.cat(parts.map((part) => part.vectors));
    vectors.requiresGrad = true;
    return vectors;
  });
  learn(all);
  const after = random.note();
  // From the last to the first, as autograd works on what was computed last first: sums of gradients keep their order.
  for (const [i, parts] of [...cached.entries()].reverse()) {
    let end = (all[i] as Tensor).shape[0] as number;
    for (const { encode, before, vectors } of [...parts].reverse()) {
      const start = end - (vectors.shape[0] as number);
      tidy(() => {
        const gradient = (all[i] as Tensor).grad?.slice(0, start, end);
        if (gradient === undefined) return;
        random.restore(before);
        backward([encode()], [gradient]);
      });
      end = start;
    }
  }
  random.restore(after);
}
