/** The classes of the identifier vectors, as their description declares them. */
import { config, configure, InstanceConfig } from '../../lib/experiment/config.ts';
import type { Config } from '../../lib/experiment/declaration.ts';
import { meta, param } from '../../lib/experiment/parameters.ts';
import {
  bool,
  dict,
  enumeration,
  float,
  int,
  later,
  list,
  optional,
  set,
  string,
} from '../../lib/experiment/types.ts';

const MyEnum = enumeration('test_identifier_stability.MyEnum', ['VALUE_A', 'VALUE_B', 'VALUE_C']);

export class ConfigInt extends config(import.meta, 'test.stability.ConfigInt', { x: param(int) }) {}
export class ConfigStr extends config(import.meta, 'test.stability.ConfigStr', { s: param(string) }) {}
export class ConfigBool extends config(import.meta, 'test.stability.ConfigBool', { b: param(bool) }) {}
export class ConfigFloat extends config(import.meta, 'test.stability.ConfigFloat', { f: param(float) }) {}
export class ConfigEnum extends config(import.meta, 'test.stability.ConfigEnum', { e: param(MyEnum) }) {}
export class ConfigList extends config(import.meta, 'test.stability.ConfigList', {
  items: param(list(int)),
}) {}
export class ConfigDict extends config(import.meta, 'test.stability.ConfigDict', {
  mapping: param(dict(int)),
}) {}
export class ConfigSet extends config(import.meta, 'test.stability.ConfigSet', { items: param(set(int)) }) {}
export class ConfigNestedList extends config(import.meta, 'test.stability.ConfigNestedList', {
  configs: param(list(ConfigInt)),
}) {}
export class ConfigNestedDict extends config(import.meta, 'test.stability.ConfigNestedDict', {
  configs: param(dict(ConfigInt)),
}) {}
export class ConfigNestedSet extends config(import.meta, 'test.stability.ConfigNestedSet', {
  configs: param(set(ConfigInt)),
}) {}
export class ConfigNested extends config(import.meta, 'test.stability.ConfigNested', {
  inner: param(ConfigInt),
}) {}
export class ConfigWithOption extends config(import.meta, 'test.stability.ConfigWithOption', {
  required: param(int),
  optional: meta(int, { default: 42 }),
}) {}
export class ConfigWithDefault extends config(import.meta, 'test.stability.ConfigWithDefault', {
  x: param(int, { default: 10, ignoreDefault: true }),
  y: param(int),
}) {}
export class ConfigFieldDefault extends config(import.meta, 'test.stability.ConfigFieldDefault', {
  a: param(int, { default: 10 }),
  b: param(int),
}) {}
export class ConfigFieldFactory extends config(import.meta, 'test.stability.ConfigFieldFactory', {
  a: param(int, { default: () => 10 }),
  b: param(int),
}) {}
export class ConfigFieldDefaultIgnore extends config(import.meta, 'test.stability.ConfigFieldDefaultIgnore', {
  a: param(int, { default: 10, ignoreDefault: true }),
  b: param(int),
}) {}
export class ConfigFieldFactoryIgnore extends config(import.meta, 'test.stability.ConfigFieldFactoryIgnore', {
  a: param(int, { default: () => 10, ignoreDefault: true }),
  b: param(int),
}) {}
interface LinkB extends Config {
  readonly a: CycleA | undefined;
}
export class CycleA extends config(import.meta, 'test.stability.CycleA', {
  b: param(optional(later<LinkB>(() => CycleB))),
}) {}
export class CycleB extends config(import.meta, 'test.stability.CycleB', { a: param(CycleA) }) {}
export class SubModel extends config(
  import.meta,
  'test.stability.SubModel',
  { value: param(int, { default: 100, ignoreDefault: true }) },
  InstanceConfig,
) {}
export class ModelContainer extends config(import.meta, 'test.stability.ModelContainer', {
  m1: param(SubModel),
  m2: param(SubModel),
}) {}
export class SimpleTask extends config(import.meta, 'test.stability.SimpleTask', { x: param(int) }) {}
export class TaskWithConfig extends config(import.meta, 'test.stability.TaskWithConfig', {
  config: param(ConfigInt),
}) {}
export class MyLightweightTask extends config(import.meta, 'test.stability.MyLightweightTask', {
  param: param(int),
}) {}

function cycle(): CycleA {
  const a = new CycleA();
  configure(a, { b: new CycleB({ a }) });
  return a;
}
const shared = new SubModel();
const x = (value: number) => new ConfigInt({ x: value });

/** Each vector's configuration, with its init tasks. */
export const cases: Readonly<Record<string, readonly [Config, ...Config[]]>> = {
  int_positive: [x(42)],
  int_zero: [x(0)],
  str_simple: [new ConfigStr({ s: 'hello' })],
  str_empty: [new ConfigStr({ s: '' })],
  bool_true: [new ConfigBool({ b: true })],
  float_simple: [new ConfigFloat({ f: 3.14 })],
  float_zero: [new ConfigFloat({ f: 0 })],
  enum_value_a: [new ConfigEnum({ e: 'VALUE_A' })],
  enum_value_b: [new ConfigEnum({ e: 'VALUE_B' })],
  list_empty: [new ConfigList({ items: [] })],
  list_multiple: [new ConfigList({ items: [1, 2, 3, 4, 5] })],
  list_nested_empty: [new ConfigNestedList({ configs: [] })],
  list_nested_single: [new ConfigNestedList({ configs: [x(1)] })],
  dict_empty: [new ConfigDict({ mapping: {} })],
  dict_single: [new ConfigDict({ mapping: { a: 1 } })],
  dict_multiple: [new ConfigDict({ mapping: { c: 3, a: 1, b: 2 } })],
  dict_nested_single: [new ConfigNestedDict({ configs: { x: x(1) } })],
  set_empty: [new ConfigSet({ items: [] })],
  set_single: [new ConfigSet({ items: [1] })],
  set_multiple: [new ConfigSet({ items: new Set([5, 4, 3, 2, 1]) })],
  set_nested_empty: [new ConfigNestedSet({ configs: [] })],
  set_nested_single: [new ConfigNestedSet({ configs: [x(1)] })],
  nested_simple: [new ConfigNested({ inner: x(100) })],
  option_with_default: [new ConfigWithOption({ required: 5 })],
  default_with_default: [new ConfigWithDefault({ y: 20 })],
  field_default_at_default: [new ConfigFieldDefault({ a: 10, b: 5 })],
  field_default_implicit: [new ConfigFieldDefault({ b: 5 })],
  field_default_ignore_at_default: [new ConfigFieldDefaultIgnore({ a: 10, b: 5 })],
  field_default_ignore_implicit: [new ConfigFieldDefaultIgnore({ b: 5 })],
  field_factory_at_default: [new ConfigFieldFactory({ a: 10, b: 5 })],
  field_factory_implicit: [new ConfigFieldFactory({ b: 5 })],
  field_factory_ignore_implicit: [new ConfigFieldFactoryIgnore({ b: 5 })],
  field_factory_ignore_override: [new ConfigFieldFactoryIgnore({ a: 20, b: 5 })],
  cycle_simple: [cycle()],
  instance_shared: [new ModelContainer({ m1: shared, m2: shared })],
  task_simple: [new SimpleTask({ x: 10 })],
  task_with_config: [new TaskWithConfig({ config: x(5) })],
  task_with_output: [x(25)],
  task_using_output: [new TaskWithConfig({ config: x(30) })],
  task_with_init: [new SimpleTask({ x: 20 }), new MyLightweightTask({ param: 1 })],
};
