// Seeded damage to files: the same seed gives the same damage, so that a failure can be repeated.
import { type OnnxGraph, type OnnxNode, type OnnxTensor, readModel, writeModel } from '@amaas/learn/onnx';

/** mulberry32: numbers in [0, 1). */
export function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One to three changes: cut, flip, noise, enormous numbers, repeated pieces; mostly outside the long runs of weights. */
export function mutate(original: Uint8Array, seed: number): Uint8Array {
  const random = createRandom(seed);
  const below = (limit: number): number => Math.floor(random() * limit);
  const structured = structuredPositions(original);
  let bytes = Uint8Array.from(original);
  for (let changes = 1 + below(3); changes > 0; changes--) {
    const anywhere = below(bytes.length);
    const at = random() < 0.8 ? Math.min(structured[below(structured.length)] ?? 0, bytes.length - 1) : anywhere;
    switch (below(6)) {
      case 0:
        if (random() < 0.3) bytes = bytes.slice(0, at);
        break;
      case 1:
        bytes[at] = (bytes[at] ?? 0) ^ (1 << below(8));
        break;
      case 2:
        bytes[at] = below(256);
        break;
      case 3:
        bytes.set([0xff, 0xff, 0xff, 0xff, 0x0f].slice(0, bytes.length - at), at);
        break;
      case 4: {
        const noise = Uint8Array.from({ length: below(12) }, () => below(256));
        bytes = joined(bytes.subarray(0, at), noise, bytes.subarray(at));
        break;
      }
      default: {
        const piece = bytes.slice(at, at + below(200));
        const to = below(bytes.length);
        bytes = joined(bytes.subarray(0, to), piece, bytes.subarray(to));
      }
    }
  }
  return bytes;
}

/** Where names and numbers of the format are, not weights: within 24 bytes of readable text. */
function structuredPositions(bytes: Uint8Array): readonly number[] {
  const positions: number[] = [];
  let run = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    run = byte >= 0x20 && byte < 0x7f ? run + 1 : 0;
    if (run === 4)
      for (let near = Math.max(0, at - 12); near < Math.min(bytes.length, at + 12); near++) positions.push(near);
  }
  return positions;
}

function joined(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.concat(parts));
}

/** A well-formed file whose graph makes little sense: one or two of its operators, attributes, edges or tensors changed. */
export function mutateGraph(original: Uint8Array, seed: number): Uint8Array {
  const random = createRandom(seed);
  const below = (limit: number): number => Math.floor(random() * limit);
  let { graph, ...rest } = readModel(original);
  for (let changes = 1 + below(2); changes > 0; changes--) {
    const nodeAt = below(graph.nodes.length);
    const tensorAt = below(graph.initializers.length);
    switch (below(6)) {
      case 0:
        graph = withNode(graph, nodeAt, (node) => ({ ...node, opType: OPERATORS[below(OPERATORS.length)] ?? 'Add' }));
        break;
      case 1:
        graph = withNode(graph, nodeAt, (node) => ({
          ...node,
          attributes: (node.attributes ?? []).map((attribute) => ({
            ...attribute,
            ...(attribute.i === undefined ? {} : { i: WHOLE_NUMBERS[below(WHOLE_NUMBERS.length)] ?? 0n }),
            ...(attribute.ints === undefined
              ? {}
              : {
                  ints: attribute.ints.map((value) =>
                    random() < 0.5 ? value : (WHOLE_NUMBERS[below(WHOLE_NUMBERS.length)] ?? 0n),
                  ),
                }),
          })),
        }));
        break;
      case 2: {
        const names = [
          ...graph.initializers.map(({ name = '' }) => name),
          ...graph.nodes.flatMap(({ outputs }) => outputs),
        ];
        graph = withNode(graph, nodeAt, (node) => ({
          ...node,
          inputs: node.inputs.map((name) => (random() < 0.5 ? name : (names[below(names.length)] ?? ''))),
        }));
        break;
      }
      case 3:
        graph = withTensor(graph, tensorAt, (tensor) => ({
          ...tensor,
          dims: tensor.dims.map((dim) => (random() < 0.5 ? dim : (DIMS[below(DIMS.length)] ?? 1))),
        }));
        break;
      case 4:
        graph = withTensor(graph, tensorAt, (tensor) => ({ ...tensor, dataType: below(24) }));
        break;
      default:
        graph = { ...graph, nodes: graph.nodes.filter((_, index) => index !== nodeAt) };
    }
  }
  return writeModel({ ...rest, graph });
}

const OPERATORS = [
  'Add',
  'Conv',
  'MatMul',
  'Reshape',
  'MaxPool',
  'Gather',
  'Resize',
  'Loop',
  'Softmax',
  'Transpose',
  'NoSuchOperator',
  'Einsum',
  'NonMaxSuppression',
  'LSTM',
];
const WHOLE_NUMBERS = [0n, -1n, 1n, 2n, 1_000_000n, 2n ** 31n, -(2n ** 63n), 2n ** 63n - 1n];
const DIMS = [0, 1, 2, 3, 1_000_000, 2 ** 31, 2 ** 45];

function withNode(graph: OnnxGraph, at: number, change: (node: OnnxNode) => OnnxNode): OnnxGraph {
  return { ...graph, nodes: graph.nodes.map((node, index) => (index === at ? change(node) : node)) };
}

function withTensor(graph: OnnxGraph, at: number, change: (tensor: OnnxTensor) => OnnxTensor): OnnxGraph {
  return {
    ...graph,
    initializers: graph.initializers.map((tensor, index) => (index === at ? change(tensor) : tensor)),
  };
}
