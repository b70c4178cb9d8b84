// Inputs that nobody sent, to find out how a model behaves with texts.
import { arrayLength, elementCount, type NamedTensors, type Tensor, type TensorSpec, TYPED_ARRAYS } from '@amaas/core';

/** Several lengths under any tokenizer that has letters. */
export const MADE_UP_TEXTS = ['a', 'b c d', 'e f g h i j k', 'l'];

/** Zeros for the inputs that no text is for, a row for each of {@link MADE_UP_TEXTS}. */
export function madeUpOthers(specs: readonly TensorSpec[], known: ReadonlySet<string>): NamedTensors {
  const others = specs.filter(({ name, optional }) => !optional && !known.has(name));
  return new Map(
    others.map(({ name, dtype, shape }): [string, Tensor] => {
      const made = (shape ?? [null]).map((dim, axis) =>
        typeof dim === 'number' ? dim : axis === 0 ? MADE_UP_TEXTS.length : 1,
      );
      if (dtype === 'string') {
        const data = Array.from({ length: elementCount(made) }, () => new Uint8Array(0));
        return [name, { dtype, shape: made, data }];
      }
      const data = new TYPED_ARRAYS[dtype](arrayLength(dtype, elementCount(made)));
      return [name, { dtype, shape: made, data } as Tensor]; // the array was looked up by the same dtype
    }),
  );
}
