/** TorchScript: models that PyTorch scripted or traced. Table of contents. */

export { load, type ScriptLoadOptions } from './load.ts';
export { type ProbeOptions, type ProbeReport, probe, probeAll } from './probe.ts';
export { ScriptModule, type ScriptSaveOptions } from './scriptModule.ts';
export { type Traceable, type TraceOptions, trace } from './trace.ts';
export type { ScriptValue } from './values.ts';
