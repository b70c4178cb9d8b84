// scikit-learn's classifiers end in ZipMap, which turns a [N, classes] matrix into a sequence of maps that ONNX Runtime's
// Node binding cannot return. Here the graph gives the matrix itself and the class labels are kept beside it.
import type { Dim } from '@amaas/core';
import { attributeOf, tensorValueInfo } from './build.ts';
import { inspectValue, qualifiedType } from './inspect.ts';
import type { OnnxEntry, OnnxGraph, OnnxModel, OnnxNode, OnnxOpset } from './model.ts';
import { initializerNames } from './initializers.ts';
import { walkGraph } from './walk.ts';

/** The labels one rewritten output had, by column. */
export interface RewrittenZipMap {
  readonly output: string;
  readonly classLabels: readonly (string | bigint)[];
}

export interface ZipMapRewrite {
  /** The same object when there was nothing to rewrite. */
  readonly model: OnnxModel;
  readonly rewritten: readonly RewrittenZipMap[];
}

/** Followed by the output's name: the key in the model's metadata under which its labels lie, as a JSON array. */
export const CLASS_LABELS_METADATA = 'amaas.class_labels.';

/** Where a model imports no version of ONNX's own operators: the oldest ONNX Runtime guarantees. Identity is in all. */
const IDENTITY_OPSET: OnnxOpset = { domain: '', version: 7 };

/**
 * Makes every ZipMap that ends in a graph output a plain float32 output [N, classes] of the same name.
 * A ZipMap whose maps are read by other nodes stays: those nodes need the maps.
 */
export function rewriteZipMap(model: OnnxModel): ZipMapRewrite {
  const { graph } = model;
  const outputs = new Set(graph.outputs.map((info) => info.name));
  const labelsByOutput = new Map<string, readonly (string | bigint)[]>();
  const shapeByOutput = new Map<string, readonly Dim[]>();
  const read = graph.nodes.some((node) => qualifiedType(node) === 'ai.onnx.ml.ZipMap') ? namesRead(graph) : null;
  const nodes = graph.nodes.map((node) => {
    const [input, output] = [node.inputs[0], node.outputs[0]];
    if (read === null || qualifiedType(node) !== 'ai.onnx.ml.ZipMap') return node;
    if (input === undefined || output === undefined || !outputs.has(output) || read.has(output)) return node;
    const labels = classLabelsOf(node);
    if (labels === null) return node;
    labelsByOutput.set(output, labels);
    shapeByOutput.set(output, isVector(graph, input) ? [labels.length] : [rowsSymbol(graph), labels.length]);
    // Identity rather than renaming: other readers of the matrix, subgraphs among them, keep its name.
    return { opType: 'Identity', name: node.name ?? output, inputs: [input], outputs: [output] };
  });
  if (labelsByOutput.size === 0) return { model, rewritten: [] };

  const rewritten = [...labelsByOutput].map(([output, classLabels]) => ({ output, classLabels }));
  const metadata: readonly OnnxEntry[] = rewritten.map(({ output, classLabels }) => ({
    key: CLASS_LABELS_METADATA + output,
    value: labelsToJson(classLabels),
  }));
  return {
    model: {
      ...model,
      opsetImports: importsOnnx(model) ? model.opsetImports : [...model.opsetImports, IDENTITY_OPSET],
      metadata: [...(model.metadata ?? []), ...metadata],
      graph: {
        ...graph,
        nodes,
        outputs: graph.outputs.map((info) => {
          const shape = shapeByOutput.get(info.name);
          return shape === undefined ? info : tensorValueInfo(info.name, 'float32', shape);
        }),
        // A type written down for the value would contradict its new one.
        ...(graph.valueInfos && { valueInfos: graph.valueInfos.filter((info) => !labelsByOutput.has(info.name)) }),
      },
    },
    rewritten,
  };
}

/** Every name some node reads, in subgraphs too. */
function namesRead(graph: OnnxGraph): ReadonlySet<string> {
  const names = new Set<string>();
  walkGraph(graph, {
    node(node) {
      for (const name of node.inputs) names.add(name);
    },
  });
  return names;
}

function classLabelsOf(node: OnnxNode): readonly (string | bigint)[] | null {
  const integers = attributeOf(node, 'classlabels_int64s')?.ints;
  if (integers !== undefined && integers.length > 0) return [...integers];
  const strings = attributeOf(node, 'classlabels_strings')?.strings;
  if (strings === undefined || strings.length === 0) return null;
  const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });
  return strings.map((bytes) => utf8.decode(bytes));
}

/** The symbol of the first input's first dim: outputs of a classifier have as many rows. */
function rowsSymbol(graph: OnnxGraph): Dim {
  const initializers = initializerNames(graph);
  const info = graph.inputs.find(({ name }) => !initializers.has(name));
  const value = info === undefined ? undefined : inspectValue(info);
  const first = value?.kind === 'tensor' ? value.shape?.[0] : undefined;
  return typeof first === 'string' ? first : null;
}

/** Whether the graph says that a value has one dim: ZipMap takes a single row of scores too. */
function isVector(graph: OnnxGraph, name: string): boolean {
  const info = [...graph.inputs, ...(graph.valueInfos ?? [])].find((candidate) => candidate.name === name);
  const value = info === undefined ? undefined : inspectValue(info);
  return value?.kind === 'tensor' && value.shape?.length === 1;
}

function importsOnnx(model: OnnxModel): boolean {
  return model.opsetImports.some(({ domain }) => domain === undefined || domain === '' || domain === 'ai.onnx');
}

/** JSON by hand: int64 labels are written in full, which JSON.stringify cannot. */
function labelsToJson(labels: readonly (string | bigint)[]): string {
  return `[${labels.map((label) => (typeof label === 'bigint' ? String(label) : JSON.stringify(label))).join(',')}]`;
}
