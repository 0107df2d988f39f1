/**
 * Event files as TensorBoard reads them: records of protocol buffers, each between its length and checksums.
 *
 *     length, 8 bytes · checksum of these · record · checksum of the record
 *
 * Numbers are little-endian. A checksum is a CRC-32C, rotated and added to, so that the checksum of something that
 * contains checksums is still one. The numbers of fields are those of TensorBoard's event.proto, summary.proto and
 * plugins/hparams.
 */
import { crc32c } from '@aws-crypto/crc32c';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { Histogram } from './histogram.ts';

/** Whatever is at these tags belongs to the dashboard of hyperparameters. */
const HPARAMS = 'hparams';
const HPARAMS_TAGS = {
  experiment: '_hparams_/experiment',
  sessionStart: '_hparams_/session_start_info',
  sessionEnd: '_hparams_/session_end_info',
};
const STARTED = 1;
const SUCCEEDED = 1;

export type HParam = string | number | boolean;

export interface When {
  /** Seconds since 1970. */
  readonly time: number;
  readonly step: number;
}

/** The first record of a file. */
export function versionRecord({ time }: When): Uint8Array {
  return record(event({ time, step: 0 }).tag(3, WireType.LengthDelimited).string('brain.Event:2'));
}

/** What was written for this step, and for those after it, is void. */
export function purgeRecord(when: When): Uint8Array {
  return record(nested(event(when), 7, (log) => log.tag(1, WireType.Varint).int32(STARTED)));
}

export function scalarRecord(when: When, tag: string, value: number): Uint8Array {
  return summaryRecord(when, (each) => named(each, tag).tag(2, WireType.Bit32).float(single(value)));
}

export function histogramRecord(when: When, tag: string, histogram: Histogram): Uint8Array {
  return summaryRecord(when, (value) =>
    nested(named(value, tag), 5, (histo) => {
      const { min, max, num, sum, sumSquares, bucketLimits, buckets } = histogram;
      for (const [i, each] of [min, max, num, sum, sumSquares].entries()) double(histo, i + 1, each);
      nested(histo, 6, (list) => doubles(list, bucketLimits));
      nested(histo, 7, (list) => doubles(list, buckets));
    }),
  );
}

/** What a run was made with, what to look at in the end, and that it is over. */
export function hparamsRecords(
  when: When,
  hparams: Readonly<Record<string, HParam>>,
  metrics: readonly string[],
): Uint8Array[] {
  const experiment = (data: BinaryWriter) =>
    nested(data, 2, (message) => {
      for (const [name, value] of Object.entries(hparams))
        nested(message, 4, (info) =>
          text(info, 1, name)
            .tag(4, WireType.Varint)
            .int32(TYPES[typeof value as 'string']),
        );
      for (const tag of metrics) nested(message, 5, (info) => nested(info, 1, (name) => text(name, 2, tag)));
    });
  const sessionStart = (data: BinaryWriter) =>
    nested(data, 3, (message) => {
      for (const [name, value] of Object.entries(hparams))
        nested(message, 1, (entry) => nested(text(entry, 1, name), 2, (inside) => anyValue(inside, value)));
    });
  const sessionEnd = (data: BinaryWriter) =>
    nested(data, 4, (message) => message.tag(1, WireType.Varint).int32(SUCCEEDED));
  return [
    pluginRecord(when, HPARAMS_TAGS.experiment, experiment),
    pluginRecord(when, HPARAMS_TAGS.sessionStart, sessionStart),
    pluginRecord(when, HPARAMS_TAGS.sessionEnd, sessionEnd),
  ];
}

const TYPES = { string: 1, boolean: 2, number: 3 } as const;

type Fill = (message: BinaryWriter) => unknown;

function event({ time, step }: When): BinaryWriter {
  return double(new BinaryWriter(), 1, time).tag(2, WireType.Varint).int64(step);
}

function summaryRecord(when: When, fill: Fill): Uint8Array {
  return record(nested(event(when), 5, (summary) => nested(summary, 1, fill)));
}

function pluginRecord(when: When, tag: string, fill: Fill): Uint8Array {
  const content = new BinaryWriter();
  fill(content);
  const bytes = content.finish();
  return summaryRecord(when, (value) =>
    nested(named(value, tag), 9, (metadata) =>
      nested(metadata, 1, (plugin) => text(plugin, 1, HPARAMS).tag(2, WireType.LengthDelimited).bytes(bytes)),
    ),
  );
}

function nested(message: BinaryWriter, field: number, fill: Fill): BinaryWriter {
  message.tag(field, WireType.LengthDelimited).fork();
  fill(message);
  return message.join();
}

function named(value: BinaryWriter, tag: string): BinaryWriter {
  return text(value, 1, tag);
}

function text(message: BinaryWriter, field: number, value: string): BinaryWriter {
  return message.tag(field, WireType.LengthDelimited).string(value);
}

function double(message: BinaryWriter, field: number, value: number): BinaryWriter {
  return message.tag(field, WireType.Bit64).double(value);
}

function doubles(list: BinaryWriter, values: readonly number[]): void {
  for (const value of values) list.double(value);
}

/** As google.protobuf.Value has it. */
function anyValue(message: BinaryWriter, value: HParam): BinaryWriter {
  if (typeof value === 'number') return double(message, 2, value);
  return typeof value === 'string' ? text(message, 3, value) : message.tag(4, WireType.Varint).bool(value);
}

/** The nearest number of four bytes, infinite where there is none, which the writer would refuse. */
const single = (value: number): number => Math.fround(value);

function record(message: BinaryWriter): Uint8Array {
  const bytes = message.finish();
  const framed = Buffer.alloc(bytes.length + 16);
  framed.writeBigUInt64LE(BigInt(bytes.length), 0);
  framed.writeUInt32LE(maskedChecksum(framed.subarray(0, 8)), 8);
  framed.set(bytes, 12);
  framed.writeUInt32LE(maskedChecksum(bytes), bytes.length + 12);
  return framed;
}

export function maskedChecksum(bytes: Uint8Array): number {
  const checksum = crc32c(bytes);
  return (((checksum >>> 15) | (checksum << 17)) + 0xa282ead8) >>> 0;
}
