/**
 * `api.ts PART SHARE`: hostile values through the public API: `functions`, `methods` or `rest`. One value in SHARE goes
 * through each function, other values through the next one; 1 is all of them.
 */

import { F } from '../../../lib/torch/functions.ts';
import * as torch from '../../../lib/torch/index.ts';
import { hostileValues } from '../hostile.ts';
import { judge, limitMemory, newVerdicts, report } from '../judge.ts';

type Callable = (...args: unknown[]) => unknown;
type Class = new (...args: unknown[]) => unknown;

/** Public functions that this test leaves out, each with the reason. */
const left: Readonly<Record<string, string>> = {
  fromFile: 'maps and writes any file by design',
  ArgumentError: 'converts its message as any Error does',
  ArgumentRangeError: 'converts its message as any Error does',
  TorchError: 'converts its message as any Error does',
  OutOfMemoryError: 'converts its message as any Error does',
  SafetensorsError: 'converts its message as any Error does',
  expected: 'a part of messages',
  specialLaguerrePolynomialL: 'takes as long as its degree is large',
  specialLegendrePolynomialP: 'takes as long as its degree is large',
};

const [part, share] = [process.argv[2], Number(process.argv[3])];
// Modules and optimizers are TypeScript: where a value has not the declared type, reading it may be the refusal.
const verdicts = newVerdicts(part === 'rest');
torch.setNumThreads(1);
limitMemory(2 ** 31);

/** A good first argument now and then, so that the hostile one is the only fault. */
const square = () => F.ones([2, 2]);

/** Calls with the value alone, behind one or two good ones, and as a keyword. */
function attack(name: string, call: Callable, values: typeof hostileValues): void {
  for (const hostile of values) {
    const attempts: [string, () => unknown[]][] = [
      ['alone', () => [hostile.make()]],
      ['second', () => [square(), hostile.make()]],
      ['third', () => [square(), square(), hostile.make()]],
      ['twice', () => [hostile.make(), hostile.make()]],
      ['by name', () => [square(), { dim: hostile.make() }]],
    ];
    for (const [where, args] of attempts) {
      torch.tidy(() => judge(verdicts, `${name}(${where}: ${hostile.name})`, () => call(...args())));
    }
  }
  torch.tidy(() => judge(verdicts, `${name}()`, () => call()));
}

/** The share of the values that this function's turn has. */
function some(index: number): typeof hostileValues {
  return hostileValues.filter((_, at) => (at + index) % share === 0);
}

function functions(): void {
  Object.entries(F as unknown as Record<string, Callable>).forEach(([name, fn], index) => {
    if (name in left) return;
    attack(`F.${name}`, fn, some(index));
  });
}

function methods(): void {
  const prototype = torch.Tensor.prototype as unknown as Record<string | symbol, unknown>;
  const names = new Set<string | symbol>();
  for (let at: object = prototype; at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    for (const key of Reflect.ownKeys(at)) names.add(key);
  }
  let index = 0;
  for (const name of names) {
    if (name === 'constructor') continue;
    const label = `Tensor.${String(name)}`;
    for (const hostile of some(index++)) {
      torch.tidy(() => {
        const receiver = square();
        judge(verdicts, `${label} = ${hostile.name}`, () =>
          Reflect.set(receiver, name, hostile.make(), receiver),
        );
      });
      judge(verdicts, `${label} of ${hostile.name}`, () => Reflect.get(prototype, name, hostile.make()));
      torch.tidy(() => {
        const receiver = square() as unknown as Record<string | symbol, unknown>;
        const method = receiver[name];
        if (typeof method !== 'function') return;
        const args = [hostile.make()];
        judge(verdicts, `${label}(${hostile.name})`, () => method.apply(receiver, args));
        judge(verdicts, `${label}.call(${hostile.name})`, () => method.call(hostile.make()));
      });
    }
  }
}

/** Every other export, functions and classes, those in namespaces too. */
function rest(): void {
  const seen = new Set<unknown>(Object.values(F));
  let index = 0;
  const visit = (path: string, value: unknown): void => {
    if (seen.has(value)) return;
    seen.add(value);
    if (typeof value === 'function') {
      const isClass = /^class\b/.test(Function.prototype.toString.call(value));
      attack(path, isClass ? (...args) => new (value as Class)(...args) : (value as Callable), some(index++));
      return;
    }
    if (typeof value !== 'object' || value === null) return;
    if (Object.prototype.toString.call(value) !== '[object Module]') return;
    for (const [name, member] of Object.entries(value)) if (!(name in left)) visit(`${path}.${name}`, member);
  };
  visit('torch', torch);
  const { aten } = torch.ops as unknown as { aten: Record<string, Callable & Record<string, Callable>> };
  // What an object is as a name, the language asks the object itself.
  for (const { name, make } of hostileValues.filter((one) => typeof one.make() !== 'object')) {
    judge(verdicts, `ops[${name}]`, () => aten[make() as string]?.());
    judge(verdicts, `ops.add[${name}]`, () => aten.add?.[make() as string]?.());
  }
}

({ functions, methods, rest })[part as 'rest']();
// Promises that were rejected have told by then.
setTimeout(() => report(verdicts), 50);
