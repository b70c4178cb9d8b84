// A trained table model as one ONNX graph: raw columns in, answers out.
import type { Manifest } from '@amaas/core';
import { compileToOnnx, simplify } from '../compile/index.ts';
import {
  add,
  argMax,
  cast,
  concat,
  constantStrings,
  gather,
  greaterOrEqual,
  mul,
  reshape,
  sub,
  type Value,
} from '../graph/index.ts';
import { CATEGORY_INPUT, NUMERIC_INPUT } from '../layers/index.ts';
import { buildFeatures, type Features, type Preprocessing, rawInputs } from '../preprocess/index.ts';
import type { TrainedModel } from '../train/index.ts';
import { TABLE_METADATA, type TableModelDescription } from './table-description.ts';
import type { TableTarget } from './table-target.ts';

/** Outputs of a classifier: the most likely class by name, and a probability per class. */
export const LABEL_OUTPUT = 'label';
export const PROBABILITIES_OUTPUT = 'probabilities';
/** Output of a regression. */
export const VALUE_OUTPUT = 'value';

/** Features by the network's input names. */
export function featureInputs({ numeric, categories }: Features): ReadonlyMap<string, Value> {
  return new Map([
    ...(numeric === null ? [] : [[NUMERIC_INPUT, numeric] as const]),
    ...(categories === null ? [] : [[CATEGORY_INPUT, categories] as const]),
  ]);
}

/** The preprocessing alone as an ONNX model: how training rows become features, by the very graph that is served. */
export function exportFeatures(preprocessing: Preprocessing): Uint8Array {
  const raw = rawInputs(preprocessing);
  const outputs = featureInputs(buildFeatures(preprocessing, raw));
  return compileToOnnx(simplify(outputs), { inputs: [...raw.values()] });
}

/**
 * The whole model as ONNX.
 *
 * Inputs: every column by its name, [N]: float32 numbers (NaN is missing), strings ('' is missing), bools, float64 epoch
 * milliseconds. Outputs of a classifier: `label` string [N] and `probabilities` float32 [N, classes]; of a regression:
 * `value` float32 [N].
 */
export function exportTableModel(
  preprocessing: Preprocessing,
  description: TableModelDescription,
  model: TrainedModel,
): Uint8Array {
  const { target } = description;
  const raw = rawInputs(preprocessing);
  const prediction = model.apply(featureInputs(buildFeatures(preprocessing, raw)));
  const outputs = simplify(answers(prediction, target));
  const metadata = new Map([[TABLE_METADATA, JSON.stringify(description)]]);
  return compileToOnnx(outputs, { inputs: [...raw.values()], metadata });
}

/** A prediction [N, ...] as what the served model answers with. */
export function answers(prediction: Value, target: TableTarget): ReadonlyMap<string, Value> {
  const column = reshape(prediction, [prediction.shape[0] ?? 1, -1]);
  switch (target.task) {
    case 'regression':
      return new Map([[VALUE_OUTPUT, reshape(add(mul(column, target.stdDev), target.mean), [-1])]]);
    case 'binary': {
      const names = constantStrings([2], target.classes);
      const index = reshape(cast(greaterOrEqual(column, 0.5), 'int64'), [-1]);
      return new Map([
        [LABEL_OUTPUT, gather(names, index)],
        [PROBABILITIES_OUTPUT, concat([sub(1, column), column], 1)],
      ]);
    }
    case 'multiclass':
      return new Map([
        [LABEL_OUTPUT, gather(constantStrings([target.classes.length], target.classes), argMax(column))],
        [PROBABILITIES_OUTPUT, column],
      ]);
    default:
      return target satisfies never;
  }
}

/** What the model file itself cannot say. */
export function tableManifest(target: TableTarget): Manifest {
  const task = target.task === 'regression' ? 'tabular-regression' : 'tabular-classification';
  return {
    schemaVersion: 1,
    task,
    signatures: { serving_default: { method: 'predict' } },
    ...(target.task === 'regression' ? {} : { labels: target.classes }),
  };
}
