import { describe, expect, test } from '@jest/globals';
import { completed, systemOf } from '../../scripts/complete-lock.ts';

describe('a lock file from a registry that lacks packages of other systems', () => {
  const lock = {
    packages: {
      '': {},
      'node_modules/tool': {
        version: '1.0.0',
        dev: true,
        optionalDependencies: { '@tool/linux-x64-gnu': '1.0.0', '@tool/darwin-arm64': '1.0.0' },
      },
      'node_modules/@tool/linux-x64-gnu': { version: '1.0.0', dev: true, optional: true },
    },
  };

  test('gets an entry for each, for its system only', () => {
    const { lock: whole, missing } = completed(lock);
    expect(missing).toEqual(['@tool/darwin-arm64']);
    expect(Object.keys(whole.packages)).toEqual([
      '',
      'node_modules/@tool/darwin-arm64',
      'node_modules/@tool/linux-x64-gnu',
      'node_modules/tool',
    ]);
    const added = { version: '1.0.0', os: ['darwin'], cpu: ['arm64'], dev: true, optional: true };
    expect(whole.packages['node_modules/@tool/darwin-arm64']).toEqual(added);
    expect(completed(whole).missing).toEqual([]);
  });

  test('must say exact versions', () => {
    const loose = { packages: { a: { optionalDependencies: { 'b-linux-x64': '^1.0.0' } } } };
    expect(() => completed(loose)).toThrow('Expected an exact version for b-linux-x64 but received ^1.0.0');
  });

  test.each([
    ['a-linux-x64-musl', { os: ['linux'], cpu: ['x64'], libc: ['musl'] }],
    ['a-linux-arm-gnueabihf', { os: ['linux'], cpu: ['arm'], libc: ['glibc'] }],
    ['a-linux-arm-musleabihf', { os: ['linux'], cpu: ['arm'], libc: ['musl'] }],
    ['a-win32-ia32-msvc', { os: ['win32'], cpu: ['ia32'] }],
    ['a-darwin-x64', { os: ['darwin'], cpu: ['x64'] }],
  ])('reads the system of %s', (name, system) => {
    expect(systemOf(name)).toEqual(system);
  });

  test('refuses a name that says no system', () => {
    expect(() => systemOf('fsevents')).toThrow('Expected the name of fsevents to end with a system');
  });
});
