// Cross-entropy where targets are class numbers, without a row of zeros and a one per target.
import {
  add,
  exp,
  gatherElements,
  logSoftmax,
  mul,
  neg,
  reduceMean,
  reshape,
  scatterElementsAdd,
  sub,
  unsqueeze,
  type Value,
  withGradient,
} from '../graph/index.ts';

/**
 * −log of the labels' probabilities, [...]. Costs no more for many classes than reading the logits does.
 * @param logits - [..., classes] @param labels - int64 [...]
 * @param smoothing - share of the target spread evenly over the classes
 */
export function labelLosses(logits: Value, labels: Value, smoothing: number): Value {
  const last = labels.shape.length;
  const at = unsqueeze(labels, last);
  const y = logSoftmax(logits);
  const chosen = reshape(gatherElements(y, at, last), labels.shape);
  const evenly = smoothing === 0 ? null : reduceMean(y, { axes: [-1] });
  const loss = neg(evenly === null ? chosen : add(mul(chosen, 1 - smoothing), mul(evenly, smoothing)));
  const each = smoothing / Number(logits.shape.at(-1));
  // (probabilities − target) · dy, the target's one added where it is instead of as a row of zeros around it.
  return withGradient(loss, [logits, y, at], (dy, _, __, logs, places) => {
    const slope = unsqueeze(dy, last);
    const pull = smoothing === 0 ? exp(logs) : sub(exp(logs), each);
    const updates = mul(slope, smoothing - 1);
    return [scatterElementsAdd(mul(pull, slope), places, { updates, axis: last }), null, null];
  });
}
