// What an epoch adds up step by step: loss, metrics, and the weights they are divided by.
import { WEIGHT_OF } from './metrics.ts';
import type { StepResults } from './training-steps.ts';

/** The sums with some more steps added. */
export function addSums(sums: Readonly<Record<string, number>>, results: StepResults): Record<string, number> {
  const next: Record<string, number> = { ...sums };
  const addTo = (name: string, values: Float32Array): void => {
    next[name] = values.reduce((sum, value) => sum + value, next[name] ?? 0);
  };
  addTo('loss', results.losses);
  addTo('weight', results.weights);
  addTo('rows', results.rows);
  for (const [name, values] of results.metrics) addTo(name, values);
  return next;
}

/** What people are shown of the sums: weighted means by name. */
export function means({
  loss = 0,
  weight = 0,
  rows = 0,
  ...sums
}: Readonly<Record<string, number>>): Record<string, number> {
  // Without any weight everything is 0, not 0 / 0.
  const isWeight = (name: string): boolean =>
    name.startsWith(WEIGHT_OF) && Object.hasOwn(sums, name.slice(WEIGHT_OF.length));
  const metrics = Object.entries(sums).flatMap(([name, sum]) =>
    isWeight(name) ? [] : [[name, sum / ((sums[`${WEIGHT_OF}${name}`] ?? rows) || 1)] as const],
  );
  return { loss: loss / (weight || 1), ...Object.fromEntries(metrics) };
}
