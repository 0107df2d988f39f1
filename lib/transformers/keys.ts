/** Which parameter of a model each key of a file is for. */

export interface KeyMatch {
  /** Names in the model, each with its key in the file. */
  readonly found: ReadonlyMap<string, string>;
  /** Names in the model that the file lacks. */
  readonly missing: readonly string[];
  /** Keys in the file that the model has no parameter for. */
  readonly unused: readonly string[];
  /** Names that several keys stand for. */
  readonly ambiguous: readonly string[];
}

/** What files of older versions hold that is no weight. */
const NO_WEIGHTS = /(^|\.)(embeddings\.(position_ids|token_type_ids)|rotary_emb\.inv_freq)$/;

/**
 * Matches as Python does: `LayerNorm.gamma` and `beta` are old names of `weight` and `bias`, and the name of the encoder,
 * such as `bert.`, may be there or not, in the file as in the model.
 *
 * @param prefix the name of the encoder, without the dot
 */
export function matchKeys(keys: Iterable<string>, names: ReadonlySet<string>, prefix: string): KeyMatch {
  const found = new Map<string, string>();
  const unused: string[] = [];
  const ambiguous: string[] = [];
  for (const key of keys) {
    const name = nameOfKey(key, names, prefix);
    if (name === undefined) {
      if (!NO_WEIGHTS.test(key)) unused.push(key);
    } else if (found.has(name)) ambiguous.push(`${name} is ${found.get(name)} and ${key}`);
    else found.set(name, key);
  }
  return { found, unused, ambiguous, missing: [...names].filter((name) => !found.has(name)) };
}

function nameOfKey(key: string, names: ReadonlySet<string>, prefix: string): string | undefined {
  const current = key
    .replace(/LayerNorm\.gamma$/, 'LayerNorm.weight')
    .replace(/LayerNorm\.beta$/, 'LayerNorm.bias');
  const start = `${prefix}.`;
  const candidates = [current, current.startsWith(start) ? current.slice(start.length) : start + current];
  return candidates.find((name) => names.has(name));
}
