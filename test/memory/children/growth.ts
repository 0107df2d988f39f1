/** What a long loop leaves: `tidy` frees everything; without any dispose the collector keeps up. Prints figures as JSON. */

import { setImmediate as macrotask } from 'node:timers/promises';
import * as torch from 'xpmir/torch';

const [mode] = process.argv.slice(2);
const megabytes = () => process.memoryUsage().rss / 2 ** 20;

async function withTidy(): Promise<void> {
  const a = torch.randn([8, 8]);
  const step = () => torch.tidy(() => void Array.from({ length: 20 }, () => a.mul(2)));
  const steps = async (count: number) => {
    for (let i = 0; i < count; i++) {
      step();
      await macrotask();
    }
  };
  await steps(500); // 10,000 operators of warm-up
  const before = { rss: megabytes(), tensors: torch.memory().tensors };
  await steps(5000); // 100,000 operators
  const after = { rss: megabytes(), tensors: torch.memory().tensors };
  console.log(JSON.stringify({ grown: after.rss - before.rss, tensors: after.tensors - before.tensors }));
}

async function withCollector(): Promise<void> {
  const a = torch.ones([256, 256]); // 256 KB
  let most = 0;
  for (let i = 0; i < 12_000; i++) {
    a.add(1);
    if (i % 100 !== 99) continue;
    await macrotask();
    most = Math.max(most, megabytes());
  }
  console.log(JSON.stringify({ most }));
}

/** Steps of several sizes, large ones too, are made in the memory of the step before, by whichever thread. */
async function withLarge(): Promise<void> {
  const twice = torch.compile((x: torch.Tensor) => x.mul(2).add(1));
  const step = async () => {
    for (const size of [300, 500, 700, 900]) {
      const x = torch.ones([size, size]); // 360 KB to 3.2 MB
      (await twice(x)).dispose();
      x.add(1).dispose();
      x.dispose();
    }
  };
  for (let i = 0; i < 20; i++) await step();
  const before = megabytes();
  for (let i = 0; i < 100; i++) await step();
  const after = megabytes();
  const large = torch.ones([4096, 4096]); // 64 MB
  const held = megabytes();
  large.dispose();
  await macrotask();
  torch.emptyHostCache();
  console.log(JSON.stringify({ grown: after - before, given: held - megabytes() }));
}

torch.setNumThreads(1);
const modes: Record<string, () => Promise<void>> = {
  tidy: withTidy,
  collector: withCollector,
  large: withLarge,
};
const done = (modes[mode as string] as () => Promise<void>)();
done.catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
