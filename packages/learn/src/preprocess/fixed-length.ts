// Sequences of any length brought to one, inside the graph.
import { cast, concat, constantOf, gather, less, mul, reduceSum, type Value } from '../graph/index.ts';

/**
 * The first `length` elements of every row, followed by zeros where there are fewer.
 * @param x - numbers [N, any]
 * @returns [N, length]
 */
export function fitLength(x: Value, length: number): Value {
  const sums = reduceSum(x, { axes: [1], keepAxes: true });
  // Nothing is less than itself, NaN neither: zeros for each row, however many there are.
  const zeros = mul(
    cast(less(sums, sums), x.dtype),
    constantOf(x.dtype, [1, length], new Array<number>(length).fill(0)),
  );
  const first = Array.from({ length }, (_, at) => at);
  return gather(concat([x, zeros], 1), constantOf('int64', [length], first), 1);
}
