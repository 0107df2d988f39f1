/** `torch.backends`: what precision and which algorithms libtorch's backends may use. For the whole process. */
import { expected } from '../errors.ts';
import { native } from '../native.ts';

/** How exact products of float32 matrices are: in float32, in TF32 or three bfloat16, in bfloat16. */
export type MatmulPrecision = 'highest' | 'high' | 'medium';

const PRECISIONS: readonly MatmulPrecision[] = ['highest', 'high', 'medium'];

/** `'highest'` is the default. `'high'` and `'medium'` let CUDA use TF32, which `cuda.matmul.allowTf32` says too. */
export function setFloat32MatmulPrecision(precision: MatmulPrecision): void {
  if (!PRECISIONS.includes(precision))
    throw expected(`one of ${PRECISIONS.join(', ')}`, 'precision', precision);
  native().setMatmulPrecision(precision);
}

/** As it was set last, or as `allowTf32` implies. */
export function getFloat32MatmulPrecision(): MatmulPrecision {
  return native().matmulPrecision() as MatmulPrecision;
}

function set(flag: string, value: boolean): void {
  if (typeof value !== 'boolean') throw expected('a boolean', flag.slice(flag.lastIndexOf('.') + 1), value);
  native().setBackendFlag(flag, value);
}

/** Settings of cuBLAS. */
export const cuda = {
  matmul: {
    /** Whether products of float32 matrices may be computed in TF32. Default false; setting it also sets the precision. */
    get allowTf32(): boolean {
      return native().backendFlag('cuda.matmul.allowTf32');
    },
    set allowTf32(value: boolean) {
      set('cuda.matmul.allowTf32', value);
    },
  },
};

/** Settings of cuDNN. */
export const cudnn = {
  /** Whether float32 convolutions and recurrences may be computed in TF32. Default true. */
  get allowTf32(): boolean {
    return native().backendFlag('cudnn.allowTf32');
  },
  set allowTf32(value: boolean) {
    set('cudnn.allowTf32', value);
  },
  /** Whether algorithms are timed and the fastest is taken, for each new shape. Default false. */
  get benchmark(): boolean {
    return native().backendFlag('cudnn.benchmark');
  },
  set benchmark(value: boolean) {
    set('cudnn.benchmark', value);
  },
  /** Whether only algorithms that give the same bits each time are taken. Default false. */
  get deterministic(): boolean {
    return native().backendFlag('cudnn.deterministic');
  },
  set deterministic(value: boolean) {
    set('cudnn.deterministic', value);
  },
  /** Whether cuDNN is used at all. Default true. */
  get enabled(): boolean {
    return native().backendFlag('cudnn.enabled');
  },
  set enabled(value: boolean) {
    set('cudnn.enabled', value);
  },
};
