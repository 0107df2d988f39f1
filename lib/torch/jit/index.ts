/** TorchScript: models that PyTorch scripted or traced. Table of contents. */

export { type FreezeOptions, freeze, type InferenceOptions, optimizeForInference } from './freeze.ts';
export { load, type ScriptLoadOptions } from './load.ts';
export { setOptimizedExecution } from './optimizedExecution.ts';
export { type ProbeOptions, type ProbeReport, probe, probeAll } from './probe.ts';
export { type ScriptMethod, ScriptModule, type ScriptSaveOptions } from './scriptModule.ts';
export { type Traceable, type TraceOptions, trace } from './trace.ts';
export type { ScriptValue } from './values.ts';
