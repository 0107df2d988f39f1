import { availableParallelism } from 'node:os';

/** Native ES modules; swc only strips the types, `npm run typecheck` is what checks them. */
export default {
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  testEnvironment: '<rootDir>/test/support/environment.mjs',
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: {
    '^xpmir$': '<rootDir>/lib/learning/index.ts',
    '^xpmir/torch$': '<rootDir>/lib/torch/index.ts',
    '^xpmir/experiment$': '<rootDir>/lib/experiment/index.ts',
    '^xpmir/ir$': '<rootDir>/lib/ir/index.ts',
    '^xpmir/transformers$': '<rootDir>/lib/transformers/index.ts',
    '^xpmir/tokenizers$': '<rootDir>/lib/tokenizers/index.ts',
    '^xpmir/letor$': '<rootDir>/lib/letor/index.ts',
  },
  transform: {
    '\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          parser: { syntax: 'typescript' },
          target: 'es2022',
          transform: { useDefineForClassFields: true },
        },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
  modulePathIgnorePatterns: ['<rootDir>/build/', '<rootDir>/dist/', '<rootDir>/.gpu/'],
  // With a limit set, jest never runs files inside its own process: a native crash then fails one file, not the run.
  workerIdleMemoryLimit: '2GB',
  maxWorkers: Math.min(4, availableParallelism()), // each loads libtorch
  testTimeout: 60_000,
};
