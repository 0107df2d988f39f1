import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { AppendedFile } from '../../lib/learning/appendedFile.ts';
import { ended } from '../support/process.ts';
import { temporaryDirectory } from '../support/temporary.ts';

describe('AppendedFile', () => {
  const bytes = (text: string) => Buffer.from(text);

  test('is written when something waited long enough, and where it was left', async () => {
    const path = join(temporaryDirectory(), 'deep', 'file');
    const warnings: string[] = [];
    const options = { warn: (message: string) => warnings.push(message), wait: 20 };
    const file = new AppendedFile(path, options);
    file.write(bytes('one '));
    file.write(bytes('two '));
    expect(statSync(path).size).toBe(0);
    for (let i = 0; i < 100 && statSync(path).size === 0; i++) await sleep(5);
    expect(readFileSync(path, 'utf8')).toBe('one two ');
    await file.close();
    const again = new AppendedFile(path, { ...options, at: 4 });
    again.write(bytes('three'));
    await again.close();
    expect(readFileSync(path, 'utf8')).toBe('one three');
    expect(warnings).toEqual([]);
  });

  const itFull = existsSync('/dev/full') ? test : test.skip;
  itFull('on a full disk warns once', async () => {
    const warnings: string[] = [];
    const file = new AppendedFile('/dev/full', { warn: (message) => warnings.push(message) });
    for (let i = 0; i < 3; i++) {
      file.write(bytes('lost'));
      await file.flush();
    }
    await file.close();
    expect(warnings).toEqual([expect.stringMatching(/^\/dev\/full is not written any more: ENOSPC/)]);
  });

  test('holds no more than its limit for a disk that is slow', async () => {
    const path = join(temporaryDirectory(), 'file');
    const warnings: string[] = [];
    const file = new AppendedFile(path, { warn: (message) => warnings.push(message), limit: 10 });
    file.write(bytes('12345678'));
    file.write(bytes('12345678'));
    await file.close();
    expect(warnings).toEqual([`${path} is not written any more: the disk is too slow, 8 bytes wait for it`]);
  });

  test('loses nothing when the process exits, also in the middle of a write', async () => {
    const path = join(temporaryDirectory(), 'file');
    const script = `
      import { AppendedFile } from './lib/learning/appendedFile.ts';
      const file = new AppendedFile(process.argv[1], { warn: console.error });
      file.write(Buffer.alloc(2 ** 25, 'a'));
      void file.flush();
      file.write(Buffer.from('last'));
      process.exit(3);
    `;
    const args = ['--import', 'tsx', '--input-type=module', '-e', script, path];
    const { status, errors } = await ended(process.execPath, args, process.env);
    expect([status, errors]).toEqual([3, '']);
    const content = readFileSync(path, 'utf8');
    expect(content.length).toBe(2 ** 25 + 4);
    expect(content.endsWith('aaaalast')).toBe(true);
  });
});
