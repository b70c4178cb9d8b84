// A classifier of media as one ONNX graph, what goes into it, and its report by running that graph on held-out values.
import { AmaasError, type Executor, type Tensor } from '@amaas/core';
import { compileToOnnx, simplify } from '../compile/index.ts';
import { input, type Shape, type Value } from '../graph/index.ts';
import type { Network } from '../layers/index.ts';
import { gatherRows, rowNumbers, type TrainedModel } from '../train/index.ts';
import { answers, PROBABILITIES_OUTPUT } from './table-model.ts';
import type { TableTarget } from './table-target.ts';

/** Classes to tell apart. */
export type ClassTarget = Exclude<TableTarget, { readonly task: 'regression' }>;

/** What a served model takes, and what of it is computed before any network. */
export interface MediaInput<Media> {
  /** The model's only input. */
  readonly name: string;
  readonly dtype: 'string' | 'uint8' | 'float32';
  /** Of one value. */
  readonly shape: Shape;
  /** Values as the tensor a served model is sent, [values, ...]. */
  tensor(values: readonly Media[]): Tensor;
  /**
   * Features by name from the raw input [N, ...]: computed once for the training rows, and part of the served graph.
   * null: networks take the raw input itself, under its name.
   */
  readonly features: ((raw: Value) => ReadonlyMap<string, Value>) | null;
}

/** Values run through a graph at once: enough to fill the cores, little enough memory. */
const RUN_VALUES = 256;

function rawInput<Media>({ name, dtype, shape }: MediaInput<Media>): Value {
  return input(name, dtype, ['N', ...shape]);
}

function featuresOf<Media>(media: MediaInput<Media>, raw: Value): ReadonlyMap<string, Value> {
  return media.features === null ? new Map([[media.name, raw]]) : media.features(raw);
}

/**
 * The whole model: input as {@link MediaInput} says, [N, ...]; outputs `label` string [N] and `probabilities` float32
 * [N, classes].
 */
export function exportMediaModel<Media>(
  media: MediaInput<Media>,
  target: ClassTarget,
  model: TrainedModel,
): Uint8Array {
  const raw = rawInput(media);
  const features = featuresOf(media, raw);
  const given = new Map([...model.inputs.keys()].map((name) => [name, features.get(name) ?? raw]));
  return compileToOnnx(simplify(answers(model.apply(given), target)), {
    inputs: [raw],
    metadata: new Map([['amaas.classes', JSON.stringify(target.classes)]]),
  });
}

/** Features of values, [values, ...] each, by the nodes that the served graph has. */
export async function computeFeatures<Media>(
  media: MediaInput<Media>,
  values: readonly Media[],
  executor: Executor,
): Promise<ReadonlyMap<string, Tensor>> {
  if (media.features === null) return new Map([[media.name, media.tensor(values)]]);
  const raw = rawInput(media);
  const compiled = await executor.compile(compileToOnnx(simplify(media.features(raw)), { inputs: [raw] }));
  try {
    const parts = new Map<string, Tensor[]>();
    for (let start = 0; start < values.length; start += RUN_VALUES) {
      const feeds = new Map([[media.name, media.tensor(values.slice(start, start + RUN_VALUES))]]);
      for (const [name, tensor] of await compiled.run(feeds)) parts.set(name, [...(parts.get(name) ?? []), tensor]);
    }
    return new Map([...parts].map(([name, tensors]) => [name, joinRows(tensors)]));
  } finally {
    await compiled.dispose();
  }
}

/** Probabilities [values, classes] by an exported model. */
export async function predictMedia<Media>(
  onnx: Uint8Array,
  { media, values, executor }: { media: MediaInput<Media>; values: readonly Media[]; executor: Executor },
): Promise<Float32Array> {
  const compiled = await executor.compile(onnx);
  try {
    const parts: Tensor[] = [];
    for (let start = 0; start < values.length; start += RUN_VALUES) {
      const feeds = new Map([[media.name, media.tensor(values.slice(start, start + RUN_VALUES))]]);
      const result = (await compiled.run(feeds, [PROBABILITIES_OUTPUT])).get(PROBABILITIES_OUTPUT);
      if (result !== undefined) parts.push(result);
    }
    const { data } = joinRows(parts);
    if (!(data instanceof Float32Array)) throw new AmaasError('INTERNAL', 'evaluate: probabilities are no float32');
    return data;
  } finally {
    await compiled.dispose();
  }
}

/** Tensors one after the other along their first axis. */
function joinRows(parts: readonly Tensor[]): Tensor {
  const [first] = parts;
  if (first === undefined) throw new AmaasError('INTERNAL', 'train: there are no values to compute with');
  const rows = parts.reduce((sum, { shape }) => sum + (shape[0] ?? 0), 0);
  const joined = gatherRows(first, rowNumbers(0), [rows === 0 ? 0 : 0]);
  return joined;
}

/** A network and the features it takes. */
export interface MediaNetwork {
  readonly network: Network;
  readonly inputs: readonly string[];
}
