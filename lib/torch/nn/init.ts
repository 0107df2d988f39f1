/** Filling parameters, with the draws that PyTorch makes from the same seed. */
export * from './init/draw.ts';
export { calculateGain, type FanMode, type Nonlinearity } from './init/fan.ts';
export * from './init/fill.ts';
export { type TruncatedOptions, truncNormal_ } from './init/truncated.ts';
