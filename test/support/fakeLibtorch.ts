import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { writeFiles } from './temporary.ts';

const library = `lib/libtorch.${process.platform === 'darwin' ? 'dylib' : 'so'}`;

/** A shared library as far as its header goes, without segments and sections: whole, yet nothing loads it. */
export function fakeLibrary(content: string): string {
  return `\x7fELF\x02\x01${'\0'.repeat(58)}${content}`;
}

/** The files that make a directory look like a libtorch. */
export function libtorchFiles(version: string): Record<string, string> {
  return {
    [library]: fakeLibrary(`library ${version}`),
    'include/ATen/ATen.h': '#pragma once',
    'version.py': `from typing import Optional\n__version__ = '${version}'\n`,
  };
}

/** Writes a fake libtorch; returns its directory. */
export function fakeLibtorch(directory: string, version: string): string {
  writeFiles(directory, libtorchFiles(version));
  return directory;
}

/** A fake wheel of torch, with a RECORD that holds for all files but those in `altered`. */
export function fakeWheel(version: string, altered: readonly string[] = []): Buffer {
  const files = prefixed('torch/', {
    ...libtorchFiles(version),
    'lib/libtorch_python.so': 'for Python',
    'nn/init.py': 'not ours',
  });
  const record = Object.entries(files).map(([name, content]) => {
    const digest = createHash('sha256').update(content).digest('base64url');
    return `${name},sha256=${digest},${content.length}\n`;
  });
  for (const name of altered) files[name] = `altered ${files[name]}`;
  return zip({ ...files, [`torch-${version}.dist-info/RECORD`]: record.join('') });
}

/** A fake of the vendor's archive, and what else shall be in it. */
export function fakeArchive(version: string, more: Readonly<Record<string, string>> = {}): Buffer {
  const { 'version.py': _, ...files } = libtorchFiles(version);
  return zip(prefixed('libtorch/', { ...files, ...more, 'build-version': version }));
}

/** A zip file whose entries are stored as they are. */
export function zip(files: Readonly<Record<string, string>>): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, content] of Object.entries(files)) {
    const shared = Buffer.alloc(26); // the fields that the local and the central header have in common
    shared.writeUInt16LE(20, 0);
    shared.writeUInt32LE(crc32(content), 10);
    shared.writeUInt32LE(content.length, 14);
    shared.writeUInt32LE(content.length, 18);
    shared.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), shared, Buffer.from(name), Buffer.from(content)]);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(offset, 10);
    directory.push(Buffer.from('PK\x01\x02\x14\x00'), shared, rest, Buffer.from(name));
    parts.push(local);
    offset += local.length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 0, 'latin1');
  end.writeUInt16LE(Object.keys(files).length, 8);
  end.writeUInt16LE(Object.keys(files).length, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, central, end]);
}

function prefixed(prefix: string, files: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(files).map(([name, content]) => [prefix + name, content]));
}
