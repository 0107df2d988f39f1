/** Files of TensorBoard, read with a schema of their own and without the code that writes them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  createFileRegistry,
  type DescMessage,
  fromBinary,
  fromJson,
  type JsonValue,
  toJson,
} from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';

const field = (name: string, number: number, type: string, more: object = {}) => ({
  name,
  jsonName: name.replace(/_./g, ([, letter]) => (letter as string).toUpperCase()),
  number,
  type: type.startsWith('.') ? 'TYPE_MESSAGE' : `TYPE_${type}`,
  ...(type.startsWith('.') ? { typeName: type } : {}),
  label: 'LABEL_OPTIONAL',
  ...more,
});
const repeated = { label: 'LABEL_REPEATED' };

const FILE = {
  name: 'events.proto',
  package: 'tb',
  syntax: 'proto3',
  messageType: [
    {
      name: 'Event',
      field: [
        field('wall_time', 1, 'DOUBLE'),
        field('step', 2, 'INT64'),
        field('file_version', 3, 'STRING'),
        field('summary', 5, '.tb.Summary'),
        field('session_log', 7, '.tb.SessionLog'),
      ],
    },
    { name: 'SessionLog', field: [field('status', 1, 'INT32')] },
    { name: 'Summary', field: [field('value', 1, '.tb.Value', repeated)] },
    {
      name: 'Value',
      field: [
        field('tag', 1, 'STRING'),
        field('simple_value', 2, 'FLOAT', { proto3Optional: true, oneofIndex: 0 }),
        field('histo', 5, '.tb.Histogram'),
        field('metadata', 9, '.tb.Metadata'),
      ],
      oneofDecl: [{ name: '_simple_value' }],
    },
    {
      name: 'Histogram',
      field: [
        ...['min', 'max', 'num', 'sum', 'sum_squares'].map((name, i) => field(name, i + 1, 'DOUBLE')),
        field('bucket_limit', 6, 'DOUBLE', repeated),
        field('bucket', 7, 'DOUBLE', repeated),
      ],
    },
    { name: 'Metadata', field: [field('plugin_data', 1, '.tb.PluginData')] },
    { name: 'PluginData', field: [field('plugin_name', 1, 'STRING'), field('content', 2, 'BYTES')] },
  ],
};

export interface TensorboardEvent {
  readonly wallTime: number;
  readonly step?: string;
  readonly fileVersion?: string;
  readonly sessionLog?: { readonly status: number };
  readonly summary?: {
    readonly value: readonly {
      readonly tag: string;
      readonly simpleValue?: number | string;
      readonly histo?: Readonly<Record<string, unknown>>;
      readonly metadata?: JsonValue;
    }[];
  };
}

const schema = createFileRegistry(
  fromJson(FileDescriptorProtoSchema, FILE as JsonValue),
  () => undefined,
).getMessage('tb.Event') as DescMessage;

/** All events in the files of a directory. @throws where a length or a checksum is wrong */
export function tensorboardEvents(directory: string): TensorboardEvent[] {
  const files = readdirSync(directory)
    .filter((name) => name.includes('tfevents'))
    .sort();
  return files.flatMap((name) =>
    recordsOf(readFileSync(join(directory, name))).map(
      (record) => toJson(schema, fromBinary(schema, record)) as unknown as TensorboardEvent,
    ),
  );
}

function recordsOf(bytes: Buffer): Buffer[] {
  const records: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = Number(bytes.readBigUInt64LE(at));
    const record = bytes.subarray(at + 12, at + 12 + length);
    check(bytes.subarray(at, at + 8), bytes.readUInt32LE(at + 8));
    check(record, bytes.readUInt32LE(at + 12 + length));
    records.push(record);
    at += length + 16;
  }
  return records;
}

function check(bytes: Buffer, checksum: number): void {
  const crc = crc32c(bytes);
  const masked = Number((((BigInt(crc) >> 15n) | (BigInt(crc) << 17n)) + 0xa282ead8n) & 0xffffffffn);
  if (masked !== checksum) throw new Error(`expected the checksum ${masked}, found ${checksum}`);
}

/** Bit by bit, as its definition says. */
function crc32c(bytes: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}
