/** Spans of texts. */
import { expect, test } from '@jest/globals';
import { RandomState } from '../../lib/learning/index.ts';
import { type PairwiseRecord, RandomSpanSampler } from '../../lib/letor/index.ts';
import { take } from '../learning/iteratorContract.ts';
import { CountedTexts } from './sources.ts';

const drawn = async (sampler: RandomSpanSampler, count: number) =>
  await take(sampler.iterate(RandomState.fromSeed(0)), count);

test('spans are parts of their documents, of whole characters', async () => {
  class Faces extends CountedTexts {
    override get(id: string) {
      return { id, text: id === 'd0' ? '' : `${id}😀😀😀${id}` };
    }
  }
  const pairs = (await drawn(
    new RandomSpanSampler({ documents: new Faces(), maxSpansize: 4 }),
    300,
  )) as PairwiseRecord[];
  for (const { topic, positive, negative } of pairs) {
    expect(topic.id).toBe(positive.id);
    expect(negative.id).not.toBe(positive.id);
    for (const { id, text } of [topic, positive, negative]) {
      expect(`${id}😀😀😀${id}`).toContain(text);
      expect(text.length).toBeGreaterThan(0);
      expect(text.length).toBeLessThanOrEqual(6);
      expect(text).toBe(Buffer.from(text).toString());
    }
  }
});
