/**
 * The one rule from PyTorch's snake_case to our camelCase, for operators and for their arguments.
 *
 * Underscores that lead or trail are kept (`add_` works in place, `_foreach_add_` is internal); every other run
 * of them is dropped and raises the letter that follows: `index_select` is `indexSelect`, `log_softmax_` is
 * `logSoftmax_`, `adaptive_avg_pool2d` is `adaptiveAvgPool2d`, `_foreach_add_` is `_foreachAdd_`.
 */
export function camelCase(name: string): string {
  const [, lead, body, trail] = /^(_*)(.*?)(_*)$/.exec(name) as RegExpExecArray;
  return lead + body!.replace(/_+(.)/g, (_, next: string) => next.toUpperCase()) + trail;
}

/** Operators of which PyTorch's function of the same name is one overload only: `torch.stft` centers its frames. */
export const pythonOverloads: Readonly<Record<string, string>> = { stft: 'center' };
