/** How Python prints values: `toString()` of a module reads exactly like PyTorch's `repr`. */

/** A float as Python prints it: `0.1`, `1.0`, `1e-05`, `inf`. */
export function float(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  const [digits = '0', power = '0'] = value.toExponential().split('e');
  const exponent = Number(power);
  if (value !== 0 && (exponent < -4 || exponent >= 16)) {
    return `${digits}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
  }
  if (Object.is(value, -0)) return '-0.0';
  if (Number.isInteger(value)) return `${value}.0`;
  // JavaScript switches to exponents below 1e-6, Python below 1e-4, which was handled above.
  return String(value);
}

/** A number whose kind the caller chose: integers stay integers. */
export function number(value: number): string {
  return Number.isInteger(value) && !Object.is(value, -0) ? String(value) : float(value);
}

export function bool(value: boolean): string {
  return value ? 'True' : 'False';
}

/** `(3,)`, `(3, 4)`. */
export function tuple(values: readonly number[]): string {
  return values.length === 1 ? `(${values[0]},)` : `(${values.join(', ')})`;
}

/** An integer or a tuple, as the caller gave it; `None` for null. */
export function size(value: number | readonly (number | null)[] | null): string {
  if (value === null) return 'None';
  if (typeof value === 'number') return String(value);
  const parts = value.map((one) => (one === null ? 'None' : String(one)));
  return parts.length === 1 ? `(${parts[0]},)` : `(${parts.join(', ')})`;
}

/** `torch.Size([3, 4])`. */
export function shape(values: readonly number[]): string {
  return `torch.Size([${values.join(', ')}])`;
}

/** Indents every line but the first. */
export function indent(text: string, spaces: number): string {
  return text
    .split('\n')
    .map((line, row) => (row === 0 || line === '' ? line : ' '.repeat(spaces) + line))
    .join('\n');
}
