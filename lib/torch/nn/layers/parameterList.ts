import { expected } from '../../../errors.ts';
import type { Tensor } from '../../tensor.ts';
import { Module } from '../module.ts';
import { Parameter } from '../parameter.ts';
import type { Named } from '../walk.ts';

/** Parameters in a list, with the keys '0', '1', ... A plain tensor becomes a parameter. */
export class ParameterList extends Module implements Iterable<Parameter> {
  protected readonly items: Parameter[] = [];

  constructor(values: Iterable<Tensor> = []) {
    super();
    this.extend(values);
  }

  override ownEntries(): Iterable<Named<unknown>> {
    return [...super.ownEntries(), ...this.items.map((value, i): Named<unknown> => [String(i), value])];
  }

  override setOwn(name: string, value: Tensor | null): void {
    if (/^\d+$/.test(name) && value instanceof Parameter) this.items[Number(name)] = value;
    else super.setOwn(name, value);
  }

  [Symbol.iterator](): Iterator<Parameter> {
    return this.items.values();
  }

  get length(): number {
    return this.items.length;
  }

  /** The parameter at a place; negative counts from the end. */
  at(index: number): Parameter {
    const parameter = this.items.at(index);
    if (!parameter) throw expected(`an index into ${this.length} parameters`, 'index', index);
    return parameter;
  }

  append(value: Tensor): this {
    this.items.push(value instanceof Parameter ? value : new Parameter(value));
    return this;
  }

  extend(values: Iterable<Tensor>): this {
    for (const value of values) this.append(value);
    return this;
  }

  forward(): never {
    throw expected('a module with a forward', 'call', this.constructor.name);
  }

  override extraRepr(): string {
    return this.items
      .map((value, i) => {
        const device = value.device.startsWith('cuda') ? ` (${value.device})` : '';
        return `  (${i}): Parameter containing: [torch.${value.dtype} of size ${value.shape.join('x')}${device}]`;
      })
      .join('\n');
  }
}
