/** What PyTorch has in `torch.cuda`, as far as it is there. */
import { native } from '../native.ts';

/** Whether libtorch can compute on a CUDA device: it was built for it, and there is one. */
export function isAvailable(): boolean {
  return native().hasCuda();
}
