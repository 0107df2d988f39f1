/** The messages about tensors in docs/guides/troubleshooting.md are what a user sees, word by word. */
import { describe, expect, test } from '@jest/globals';
import * as torch from '../../lib/torch/index.ts';
import { readPage } from './markdown.ts';

const page = readPage('docs/guides/troubleshooting.md');
const table = page.slice(page.indexOf('## Tensors'), page.indexOf('## Training'));
const messages = [...table.matchAll(/^\| `(.+?)` \| /gm)].map(([, message]) => message as string);

const { crossEntropy, embedding } = torch.nn.functional;
const table3 = torch.zeros([3, 2]);
const parameter = () => new torch.nn.Parameter(torch.ones([2]));

function disposed(): torch.Tensor {
  let inner = torch.ones([1]);
  torch.tidy(() => {
    inner = torch.ones([1]);
  });
  return inner;
}

function twice(): void {
  const loss = parameter().square().sum();
  loss.backward();
  loss.backward();
}

class Hidden extends torch.nn.Module {
  readonly layers = [new torch.nn.Linear(1, 1)];
  forward() {}
}

const layer = new torch.nn.Linear(2, 1) as never as (x: torch.Tensor) => void;

/** What a user did, in the order of the page. */
const mistakes: readonly (() => unknown)[] = [
  () => crossEntropy(torch.zeros([2, 2]), torch.tensor([0, 1])),
  () => embedding(torch.tensor([1]), table3),
  () => embedding(torch.tensor([3n]), table3),
  () => torch.tensor(2 ** 60, { dtype: 'int64' }),
  () => torch.ones([2, 2]).matmul(torch.ones([3, 3])),
  () => disposed().add(1),
  () => parameter().add_(1),
  () => torch.ones([2]).sum().backward(),
  () => parameter().square().backward(),
  twice,
  () => layer(torch.ones([1, 2])),
  () => new torch.optim.SGD(new Hidden().parameters(), { lr: 1 }),
  () => torch.zeros([2], { dtpe: 'int64' } as never),
  () => new torch.nn.Linear(2, 1).loadStateDict(new torch.nn.Linear(2, 1, { bias: false }).stateDict()),
  () => torch.zeros([2]).to('cuda'),
  () => torch.zeros([2 ** 44]),
  () => torch.loadSafetensors('none.safetensors'),
];

describe('messages', () => {
  test('each has a mistake', () => expect(messages.length).toBe(mistakes.length));

  test.each(messages.map((message, i) => [message, mistakes[i]] as const))('%s', async (message, mistake) => {
    // A libtorch with CUDA says something else.
    if (message.includes('cuda') && torch.cuda.isAvailable()) return;
    const error = await Promise.resolve()
      .then(mistake)
      .then(
        () => 'no error',
        (reason: Error) => reason.message,
      );
    expect(error).toContain(message);
  });
});
