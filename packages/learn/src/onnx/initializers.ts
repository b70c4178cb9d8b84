// Initializers that the file also lists as inputs: defaults a caller could override, were it not that ONNX Runtime's Node
// binding ignores such values. Listed so, they cost speed: the runtime may not fold or fuse what a caller might change.
import type { OnnxGraph, OnnxModel } from './model.ts';

/** Names of a graph's initializers, sparse ones too. */
export function initializerNames(graph: OnnxGraph): ReadonlySet<string> {
  const names = new Set<string>();
  for (const { name } of graph.initializers) if (name !== undefined) names.add(name);
  for (const { values } of graph.sparseInitializers ?? []) if (values?.name !== undefined) names.add(values.name);
  return names;
}

/**
 * Makes every initializer of the main graph a constant by taking it off the list of inputs; the same object when none
 * was on it. Files older than IR 4 must list them, and the runtime takes them for constants anyway: left alone.
 */
export function freezeInitializers(model: OnnxModel): OnnxModel {
  if (model.irVersion < 4) return model;
  const names = initializerNames(model.graph);
  const inputs = model.graph.inputs.filter(({ name }) => !names.has(name));
  if (inputs.length === model.graph.inputs.length) return model;
  return { ...model, graph: { ...model.graph, inputs } };
}
