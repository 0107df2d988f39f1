import { ArgumentRangeError, expected } from '../errors.ts';
import { checkOptions } from '../options.ts';
import { F } from '../torch/functions.ts';
import { tidy } from '../torch/scope.ts';
import { Tensor } from '../torch/tensor.ts';
import type { EncoderCall } from './model.ts';

const CALL: Readonly<Record<keyof EncoderCall, true>> = {
  inputIds: true,
  attentionMask: true,
  isPadded: true,
  tokenTypeIds: true,
  positionIds: true,
  specialTokensMask: true,
  outputHiddenStates: true,
};
const NAMES = Object.keys(CALL);

/**
 * @param longest how many tokens a text has at most
 * @param uncounted the token that has no place and is none of these: padding, where places are counted behind it
 * @throws ArgumentError or ArgumentRangeError for what a call does not have, such as a mistyped mask, and for ids of another shape, or of longer texts
 */
export function checkIds(call: EncoderCall, longest: number, uncounted: number | null = null): void {
  const { inputIds, tokenTypeIds = null, positionIds = null } = checkOptions('forward', call, NAMES);
  if (!(inputIds instanceof Tensor)) throw expected('a Tensor', 'inputIds', inputIds);
  const { shape } = inputIds;
  if (shape.length !== 2) throw expected('a tensor [N, L]', 'inputIds', shape);
  const [, length] = shape as [number, number];
  if (length > longest && positionIds === null) {
    const counted = uncounted === null ? length : most(inputIds, uncounted);
    if (counted > longest) {
      throw new ArgumentRangeError(
        `Expected texts of at most ${longest} tokens for inputIds but received ${counted}`,
      );
    }
  }
  if (tokenTypeIds !== null && tokenTypeIds.shape.join() !== shape.join())
    throw expected(`the shape [${shape}] of inputIds`, 'tokenTypeIds', tokenTypeIds.shape);
  if (positionIds !== null && ![`${shape}`, `1,${length}`].includes(positionIds.shape.join()))
    throw expected(`the shape [${shape}] or [1, ${length}]`, 'positionIds', positionIds.shape);
}

/** How many tokens the longest text has beside `padding`. A value is read, of texts that are too long otherwise. */
function most(inputIds: Tensor, padding: number): number {
  return tidy(() => inputIds.ne(padding).sum(1).amax().item<number>());
}

/** @throws ArgumentError where a family that knows no kinds of tokens is given some */
export function refuseTokenTypes({ tokenTypeIds = null }: EncoderCall, owner: string): void {
  if (tokenTypeIds !== null) throw expected(`no tensor for ${owner}`, 'tokenTypeIds', tokenTypeIds);
}

/** 0, 1, ... for all texts: `[1, L]`. */
export function placesInOrder({ inputIds }: EncoderCall): Tensor {
  return F.arange(inputIds.shape[1]!, { dtype: 'int64', device: inputIds.device }).unsqueeze(0);
}

/** Places counted from behind `padding`, which is also the place of padding; as fairseq's. `[N, L]` */
export function placesBehindPadding({ inputIds }: EncoderCall, padding: number): Tensor {
  const isToken = inputIds.ne(padding).to({ dtype: 'int32' });
  return isToken.cumsum(1).to({ dtype: 'int32' }).mul(isToken).to({ dtype: 'int64' }).add(padding);
}
