/** Models that AOTInductor compiled. Table of contents. */

export { AOTICompiledModel, type LoadConstantsOptions } from './compiledModel.ts';
export { type AotiLoadPackageOptions, aotiLoadPackage } from './load.ts';
