/**
 * What stands between the blanks of a line, as in TREC's files.
 */
import { ArgumentError, show } from '../../errors.ts';

/** What C takes for white space, and nothing of Unicode, which may stand in an identifier. */
const isBlank = (code: number) => code === 32 || (code >= 9 && code <= 13);

/** @throws ArgumentError unless there are as many fields as names */
export function fieldsOf(line: string, names: readonly string[]): string[] {
  return expectFields(split(line), names);
}

/** The same where further fields are left out. */
export function firstFieldsOf(line: string, names: readonly string[]): string[] {
  return expectFields(split(line).slice(0, names.length), names);
}

/** trec_eval 10 leaves out lines that begin so. */
export function isComment(line: string): boolean {
  return line.startsWith('#');
}

function split(line: string): string[] {
  const fields: string[] = [];
  let start = 0;
  for (let at = 0; at <= line.length; at++) {
    if (at < line.length && !isBlank(line.charCodeAt(at))) continue;
    if (at > start) fields.push(line.slice(start, at));
    start = at + 1;
  }
  return fields;
}

/** @throws ArgumentError unless there are as many fields as names */
export function tabbedFieldsOf(line: string, names: readonly string[]): string[] {
  return expectFields(line.split('\t'), names);
}

function expectFields(fields: string[], names: readonly string[]): string[] {
  if (fields.length !== names.length)
    throw new ArgumentError(
      `expected ${names.length} fields (${names.join(' ')}), received ${fields.length}`,
    );
  return fields;
}

/** A grade: an integer, which may be negative. */
export function gradeOf(text: string): number {
  const grade = Number(text);
  if (!/^[+-]?\d+$/.test(text) || !Number.isSafeInteger(grade))
    throw new ArgumentError(`expected an integer as the grade, received ${show(text)}`);
  // Of -0, which is none to anybody.
  return grade + 0;
}

/** A score: a finite decimal number. */
export function scoreOf(text: string): number {
  const score = Number(text);
  if (!/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text) || !Number.isFinite(score))
    throw new ArgumentError(`expected a finite number as the score, received ${show(text)}`);
  return score;
}

/** @throws ArgumentError for what cannot stand between blanks */
export function expectWord(text: string, name: string): string {
  if (text === '' || /[ \t\v\f\r\n\0]/.test(text))
    throw new ArgumentError(`Expected a word without white space for ${name} but received ${show(text)}`);
  return text;
}
