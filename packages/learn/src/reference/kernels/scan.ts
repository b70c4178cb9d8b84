// The loop over a sequence, one step after the other, and the loop with a condition.
import { AmaasError } from '@amaas/core';
import { isText, numbersOf, product, type ReferenceArray, textOf } from '../array.ts';
import type { Kernel, KernelContext } from '../kernel.ts';
import { bodyAttribute, numberAttribute, numbersAttribute } from './attributes.ts';

export const SCAN_KERNELS: ReadonlyMap<string, Kernel> = new Map<string, Kernel>([
  ['Scan', scan],
  ['Loop', loop],
]);

function scan({ node, inputs, evaluateBody }: KernelContext): readonly ReferenceArray[] {
  const body = bodyAttribute(node, 'body');
  const elementCount = numberAttribute(node, 'num_scan_inputs');
  const directions = numbersAttribute(node, 'scan_input_directions');
  const stackedCount = numbersAttribute(node, 'scan_output_directions').length;
  const stateCount = body.outputs.length - stackedCount;
  const sequences = inputs.slice(stateCount, stateCount + elementCount);
  const captures = inputs.slice(stateCount + elementCount);
  const length = sequences[0]?.shape[0] ?? 0;
  if (sequences.some(({ shape }) => shape[0] !== length)) {
    throw new AmaasError('INPUT_MISMATCH', 'reference: Scan over sequences of different lengths');
  }
  const reverse = directions[0] === 1;
  let states: readonly ReferenceArray[] = inputs.slice(0, stateCount);
  const steps: (readonly ReferenceArray[])[] = [];
  for (let step = 0; step < length; step++) {
    const index = reverse ? length - 1 - step : step;
    const results = evaluateBody(body, [...states, ...sequences.map((each) => element(each, index)), ...captures]);
    states = results.slice(0, stateCount);
    steps.push(results.slice(stateCount));
  }
  if (reverse) steps.reverse();
  const stacked = body.outputs.slice(stateCount).map(({ dtype, shape }, position) => {
    // Without a step the sizes are those the graph knows.
    const inner = steps[0]?.[position]?.shape ?? shape.map((size) => (typeof size === 'number' ? size : 0));
    if (dtype === 'string') {
      const texts = steps.flatMap((results) => textOf(results[position]).texts);
      return { dtype, shape: [length, ...inner], texts };
    }
    const items = steps.map((results) => numbersOf(results[position]));
    const data = new Float64Array(length * product(inner));
    for (const [index, item] of items.entries()) data.set(item.data, index * product(inner));
    return { dtype, shape: [length, ...inner], data };
  });
  return [...states, ...stacked];
}

function element(sequence: ReferenceArray, index: number): ReferenceArray {
  const shape = sequence.shape.slice(1);
  const size = product(shape);
  const [from, to] = [index * size, (index + 1) * size];
  return isText(sequence)
    ? { dtype: 'string', shape, texts: sequence.texts.slice(from, to) }
    : { dtype: sequence.dtype, shape, data: sequence.data.slice(from, to) };
}

function loop({ node, inputs, evaluateBody }: KernelContext): readonly ReferenceArray[] {
  const body = bodyAttribute(node, 'body');
  const stateCount = body.outputs.length - 1;
  const most = numbersOf(inputs[0]).data[0] ?? 0;
  const captures = inputs.slice(2 + stateCount);
  let condition = numbersOf(inputs[1]);
  let states: readonly ReferenceArray[] = inputs.slice(2, 2 + stateCount);
  for (let step = 0; step < most && condition.data[0] === 1; step++) {
    const index = { dtype: 'int64', shape: [], data: Float64Array.of(step) } as const;
    const [next, ...results] = evaluateBody(body, [index, condition, ...states, ...captures]);
    condition = numbersOf(next);
    states = results;
  }
  return states;
}
