/** `torch.utils`. */

export * as mkldnn from './nn/mkldnn.ts';
