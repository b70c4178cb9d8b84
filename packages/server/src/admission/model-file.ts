// What is done to a model file before any runtime sees it: reading it as ONNX, refusing data outside its folder, and
// rewriting what ONNX Runtime's Node binding cannot return (ZipMap) or runs slowly (weights among the inputs).
import { AmaasError, type ProbeOptions, type Signature, type TensorSpec } from '@amaas/core';
import {
  assertExternalDataInside,
  freezeInitializers,
  type InspectedValue,
  inspectModel,
  type ModelInspection,
  readModel,
  rewriteZipMap,
  writeModel,
} from '@amaas/learn/onnx';
import type { ModelFacts } from '../registry/index.ts';
import { findDescriptions } from './own-descriptions.ts';
import { findTableRows } from './table-rows.ts';

export interface PreparedModel {
  /** The bytes to serve, when they differ from those given. */
  readonly rewritten: Uint8Array | null;
  /** Outputs that were maps and are tensors now. */
  readonly rewrittenOutputs: readonly string[];
  /** Class names found in the model itself, by index of the rewritten output; null where there are none. */
  readonly classLabels: readonly string[] | null;
  readonly facts: Omit<ModelFacts, 'file'>;
  readonly declared: DeclaredShapes;
  /** The tensors the file says it takes and gives. */
  readonly signature: Pick<Signature, 'inputs' | 'outputs'>;
  /** Rows of the tables that inputs are looked up in, where the graph shows it. */
  readonly tableRows: ReadonlyMap<string, number>;
  /** What a model that amaas trained says about itself, by kind. */
  readonly descriptions: Readonly<Record<string, unknown>>;
}

/** Shapes that quarantine shall take from the file instead of from the runtime. */
export type DeclaredShapes = NonNullable<ProbeOptions['declared']>;

/**
 * Reads and prepares a model file.
 * @param paths the files of the version; external data must be among them.
 * @throws INVALID_MODEL, UNSUPPORTED_TENSOR.
 */
export function prepareModel(bytes: Uint8Array, paths: ReadonlySet<string>): PreparedModel {
  const original = readModel(bytes);
  // Weights listed among the inputs, as old exporters do, keep ONNX Runtime from folding and fusing them: ultraface runs
  // in half the time without. The binding ignores values fed for them, so nothing is lost.
  const { model, rewritten } = rewriteZipMap(freezeInitializers(original));
  const inspection = inspectModel(model);
  assertExternalDataInside(inspection);
  for (const { tensor, location } of inspection.externalData) {
    if (!paths.has(location.replace(/^\.\//, ''))) {
      throw new AmaasError(
        'INVALID_MODEL',
        `the weights of ${tensor} are in the external file ${JSON.stringify(location)}, which was not delivered with the model`,
      );
    }
  }
  const labels = rewritten[0]?.classLabels.map(String) ?? null;
  return {
    rewritten: model === original ? null : writeModel(model),
    rewrittenOutputs: rewritten.map((output) => output.output),
    classLabels: labels,
    facts: {
      producer: inspection.producer,
      opsets: Object.fromEntries(
        [...inspection.opsets].map(([domain, version]) => [domain === '' ? 'ai.onnx' : domain, version]),
      ),
      operators: inspection.operatorCount,
      parameters: inspection.parameterCount,
      hasControlFlow: inspection.controlFlowOperators.length > 0,
    },
    declared: declaredShapes(inspection),
    signature: { inputs: tensorsOf(inspection.inputs), outputs: tensorsOf(inspection.outputs) },
    tableRows: findTableRows(model.graph),
    descriptions: findDescriptions(model),
  };
}

function tensorsOf(values: readonly InspectedValue[]): readonly TensorSpec[] {
  return values.flatMap((value) => (value.kind === 'tensor' ? [value] : []));
}

/** As `prepareModel` has it, for a file that was prepared before. @throws INVALID_MODEL */
export function readDeclaredShapes(bytes: Uint8Array): DeclaredShapes {
  return declaredShapes(inspectModel(readModel(bytes)));
}

/**
 * ONNX Runtime reports an input of unknown rank as a scalar. Of outputs it knows more than the file, by inference.
 */
function declaredShapes({ inputs }: ModelInspection): DeclaredShapes {
  const unknown = inputs.flatMap((value) =>
    value.kind === 'tensor' && value.shape === null ? [{ name: value.name, dtype: value.dtype, shape: null }] : [],
  );
  return { inputs: unknown, outputs: [] };
}
