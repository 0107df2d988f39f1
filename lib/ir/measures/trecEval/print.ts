/** How trec_eval prints numbers. */

/** C's `%6.4f`: a number half way between two is printed as the even one, where `toFixed` takes the larger. */
export function printReal(value: number): string {
  // Four decimals leave a half exactly for odd multiples of 1/32, and binary fractions hold those exactly.
  const thirtySeconds = value * 32;
  if (Number.isInteger(thirtySeconds) && thirtySeconds % 2 !== 0) {
    const below = Math.floor(value * 10_000);
    return ((below % 2 === 0 ? below : below + 1) / 10_000).toFixed(4);
  }
  return Object.is(value, -0) ? '-0.0000' : value.toFixed(4);
}

/** C's `%ld` of a number that is cut to an integer. */
export function printCount(value: number): string {
  return String(Math.trunc(value) + 0);
}

/** One line: the name is padded to 22 characters, and tabs stand between. */
export function printLine(name: string, topic: string, value: string): string {
  return `${name.padEnd(22)}\t${topic}\t${value}`;
}
