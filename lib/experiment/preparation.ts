/** What has to happen in the process of a job before its objects are made, such as to seed what constructors draw from. */
import type { TaskRecord } from './record.ts';

type Preparation = (record: TaskRecord) => void;

const preparations: Preparation[] = [];

/** Asks to be called once the classes of a job are imported; their modules do so. */
export function beforeObjects(prepare: Preparation): void {
  preparations.push(prepare);
}

export function prepareObjects(record: TaskRecord): void {
  for (const prepare of preparations) prepare(record);
}
