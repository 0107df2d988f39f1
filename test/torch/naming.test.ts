import { describe, expect, test } from '@jest/globals';
import { functionNames, methodNames } from '../../lib/torch/generated/names.ts';
import { camelCase } from '../../lib/torch/naming.ts';

describe('camelCase', () => {
  test.each([
    ['add', 'add'],
    ['add_', 'add_'],
    ['index_select', 'indexSelect'],
    ['log_softmax_', 'logSoftmax_'],
    ['conv2d', 'conv2d'],
    ['adaptive_avg_pool2d', 'adaptiveAvgPool2d'],
    ['grid_sampler_2d', 'gridSampler2d'],
    ['_foreach_add_', '_foreachAdd_'],
    ['__and__', '__and__'],
    ['linalg__powsum', 'linalgPowsum'],
    ['matrix_H', 'matrixH'],
    ['keepdim', 'keepdim'],
    ['LU_data', 'LUData'],
    ['_', '_'],
    ['', ''],
  ])('%s is %s', (name, expected) => {
    expect(camelCase(name)).toBe(expected);
  });

  test('keeps every public operator apart', () => {
    expect(functionNames.length).toBeGreaterThan(900);
    expect(new Set(functionNames.map(camelCase)).size).toBe(functionNames.length);
  });

  test('every method is also a function', () => {
    const functions = new Set(functionNames);
    expect(methodNames.filter((name) => !functions.has(name))).toEqual([]);
  });
});
