// A classifier of media as one ONNX graph, what goes into it, and its report by running that graph on held-out values.
import { AmaasError, type Executor, type NamedTensors, type Tensor } from '@amaas/core';
import { compileToOnnx, simplify } from '../compile/index.ts';
import { input, type Shape, type Value } from '../graph/index.ts';
import type { TrainedModel } from '../train/index.ts';
import { MEDIA_METADATA, type MediaModelDescription, type MediaPreparation } from './media-description.ts';
import { runRows } from './run-rows.ts';
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
  { target, preparation }: { readonly target: ClassTarget; readonly preparation: MediaPreparation | undefined },
  model: TrainedModel,
): Uint8Array {
  const raw = rawInput(media);
  const features = featuresOf(media, raw);
  const given = new Map([...model.inputs.keys()].map((name) => [name, features.get(name) ?? raw]));
  return compileToOnnx(simplify(answers(model.apply(given), target)), {
    inputs: [raw],
    metadata: new Map([
      ['amaas.classes', JSON.stringify(target.classes)],
      ...(preparation === undefined
        ? []
        : [[MEDIA_METADATA, JSON.stringify(describeMediaModel(target, preparation))] as const]),
    ]),
  });
}

/** What the model says about itself. */
export function describeMediaModel({ classes }: ClassTarget, preparation: MediaPreparation): MediaModelDescription {
  return { format: 'amaas-media-1', classes, preparation };
}

/** Features of values, [values, ...] each, by the nodes that the served graph has. */
export async function computeFeatures<Media>(run: MediaRun<Media>): Promise<NamedTensors> {
  const { media, values } = run;
  if (media.features === null) return new Map([[media.name, media.tensor(values)]]);
  const raw = rawInput(media);
  const onnx = compileToOnnx(simplify(media.features(raw)), { inputs: [raw] });
  return runAll(onnx, run);
}

/** Probabilities [values, classes] by an exported model. */
export async function predictMedia<Media>(onnx: Uint8Array, run: MediaRun<Media>): Promise<Float32Array> {
  const found = (await runAll(onnx, run, [PROBABILITIES_OUTPUT])).get(PROBABILITIES_OUTPUT);
  if (found?.dtype !== 'float32') throw new AmaasError('INTERNAL', `evaluate: probabilities came as ${found?.dtype}`);
  return found.data;
}

interface MediaRun<Media> {
  readonly media: MediaInput<Media>;
  readonly values: readonly Media[];
  readonly executor: Executor;
  readonly signal?: AbortSignal | undefined;
}

async function runAll<Media>(
  onnx: Uint8Array,
  { media, values, executor, signal }: MediaRun<Media>,
  outputs?: readonly string[],
): Promise<NamedTensors> {
  const compiled = await executor.compile(onnx);
  try {
    return await runRows(compiled, {
      rows: values.length,
      feeds: (start, end) => new Map([[media.name, media.tensor(values.slice(start, end))]]),
      ...(outputs === undefined ? {} : { outputs }),
      signal,
    });
  } finally {
    await compiled.dispose();
  }
}
