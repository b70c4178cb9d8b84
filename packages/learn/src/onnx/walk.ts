// Visits everything a model holds, wherever it hides: subgraphs in attributes, local functions and their defaults,
// training graphs. ONNX Runtime ignores some of these corners; what checks a model must not.
import type { OnnxAttribute, OnnxGraph, OnnxModel, OnnxNode, OnnxSparseTensor, OnnxTensor } from './model.ts';

/** What a walk reports; leave out what does not matter. */
export interface ModelVisitor {
  readonly node?: (node: OnnxNode) => void;
  /** Every stored tensor; `place` names it for people: `initializer "w"`, `attribute "value" of node "c1"`. */
  readonly tensor?: (tensor: OnnxTensor, place: string) => void;
}

/** Visits the main graph, then training graphs, then local functions (each once, however often it is called). */
export function walkModel(model: OnnxModel, visitor: ModelVisitor): void {
  walkGraph(model.graph, visitor);
  for (const info of model.trainingInfo ?? []) {
    if (info.initialization !== undefined) walkGraph(info.initialization, visitor);
    if (info.algorithm !== undefined) walkGraph(info.algorithm, visitor);
  }
  for (const local of model.functions ?? []) {
    for (const attribute of local.attributeDefaults ?? []) {
      walkAttribute(attribute, `function ${JSON.stringify(local.name)}`, visitor);
    }
    for (const node of local.nodes) walkNode(node, visitor);
  }
}

/** Visits a graph and the subgraphs inside it. */
export function walkGraph(graph: OnnxGraph, visitor: ModelVisitor): void {
  for (const tensor of graph.initializers) {
    visitor.tensor?.(tensor, `initializer ${JSON.stringify(tensor.name ?? '')}`);
  }
  for (const sparse of graph.sparseInitializers ?? []) {
    walkSparse(sparse, `sparse initializer ${JSON.stringify(sparse.values?.name ?? '')}`, visitor);
  }
  for (const node of graph.nodes) walkNode(node, visitor);
}

function walkNode(node: OnnxNode, visitor: ModelVisitor): void {
  visitor.node?.(node);
  for (const attribute of node.attributes ?? []) {
    walkAttribute(attribute, `node ${JSON.stringify(node.name || node.outputs[0] || node.opType)}`, visitor);
  }
}

/** Visits by what is there, not by the declared type: two parsers may disagree about the type. */
function walkAttribute(attribute: OnnxAttribute, owner: string, visitor: ModelVisitor): void {
  const place = `attribute ${JSON.stringify(attribute.name)} of ${owner}`;
  if (attribute.t !== undefined) visitor.tensor?.(attribute.t, place);
  for (const tensor of attribute.tensors ?? []) visitor.tensor?.(tensor, place);
  if (attribute.sparseTensor !== undefined) walkSparse(attribute.sparseTensor, place, visitor);
  for (const sparse of attribute.sparseTensors ?? []) walkSparse(sparse, place, visitor);
  for (const graph of subgraphsOf(attribute)) walkGraph(graph, visitor);
}

/** The graphs an attribute holds. */
export function subgraphsOf(attribute: OnnxAttribute): readonly OnnxGraph[] {
  return attribute.g === undefined ? (attribute.graphs ?? []) : [attribute.g, ...(attribute.graphs ?? [])];
}

function walkSparse(sparse: OnnxSparseTensor, place: string, visitor: ModelVisitor): void {
  if (sparse.values !== undefined) visitor.tensor?.(sparse.values, `values of ${place}`);
  if (sparse.indices !== undefined) visitor.tensor?.(sparse.indices, `indices of ${place}`);
}
