import { TestEnvironment } from 'jest-environment-node';

/**
 * Jest runs every test file in a realm of its own, while native code makes its values in Node's main realm.
 * Mended here once, so that `instanceof` means the same in a test as in a program: binary classes are shared, and
 * the error classes of the test realm also recognise those of the main one. (Replacing the error classes instead
 * would make errors thrown by the engine itself, such as `null.x`, foreign.)
 */
const SHARED = [
  'ArrayBuffer',
  'SharedArrayBuffer',
  'DataView',
  'Int8Array',
  'Uint8Array',
  'Uint8ClampedArray',
  'Int16Array',
  'Uint16Array',
  'Int32Array',
  'Uint32Array',
  'Float32Array',
  'Float64Array',
  'BigInt64Array',
  'BigUint64Array',
];
const ERRORS = ['Error', 'TypeError', 'RangeError', 'SyntaxError'];

export default class NativeRealmEnvironment extends TestEnvironment {
  async setup() {
    await super.setup();
    for (const name of SHARED) this.global[name] = globalThis[name];
    for (const name of ERRORS) recogniseOuter(this.global[name], globalThis[name]);
  }
}

/** A subclass inherits this method, so only the class itself may accept its twin: `x instanceof MyError` stays exact. */
function recogniseOuter(inner, outer) {
  const ordinary = Function.prototype[Symbol.hasInstance];
  Object.defineProperty(inner, Symbol.hasInstance, {
    configurable: true,
    value(candidate) {
      return ordinary.call(this, candidate) || (this === inner && ordinary.call(outer, candidate));
    },
  });
}
