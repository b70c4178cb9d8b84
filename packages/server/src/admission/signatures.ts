// The signatures of a version: what the model file says, refined by what the manifest declares.
import {
  AmaasError,
  DEFAULT_SIGNATURE,
  formatSpec,
  type Manifest,
  type ManifestTensor,
  type Signature,
  type TensorSpec,
} from '@amaas/core';

/**
 * Signatures by name; without declarations there is one, `serving_default`, with all inputs and outputs of the model.
 * @throws INVALID_CONFIG when a declared tensor is not the model's, or its dtype or shape contradicts the file.
 */
export function signaturesOf(
  model: Pick<Signature, 'inputs' | 'outputs'>,
  manifest: Manifest,
): ReadonlyMap<string, Signature> {
  const declared = Object.entries(manifest.signatures ?? {});
  const whole: Signature = { method: 'predict', inputs: model.inputs, outputs: model.outputs };
  if (declared.length === 0) return new Map([[DEFAULT_SIGNATURE, whole]]);
  const signatures = declared.map(([name, signature]): [string, Signature] => [
    name,
    {
      method: signature.method ?? 'predict',
      inputs: refine({ signature: name, side: 'inputs' }, model.inputs, signature.inputs),
      outputs: refine({ signature: name, side: 'outputs' }, model.outputs, signature.outputs),
    },
  ]);
  if (!signatures.some(([name]) => name === DEFAULT_SIGNATURE)) signatures.unshift([DEFAULT_SIGNATURE, whole]);
  return new Map(signatures);
}

function refine(
  where: { readonly signature: string; readonly side: 'inputs' | 'outputs' },
  known: readonly TensorSpec[],
  declared: readonly ManifestTensor[] | undefined,
): readonly TensorSpec[] {
  if (declared === undefined) return known;
  const refined = declared.map((tensor): TensorSpec => {
    const spec = known.find((candidate) => candidate.name === tensor.name);
    const at = `manifest: signature "${where.signature}", ${where.side}: "${tensor.name}"`;
    if (spec === undefined) {
      throw new AmaasError(
        'INVALID_CONFIG',
        `${at} is not one of the model's: ${known.map((candidate) => `"${candidate.name}"`).join(', ')}`,
      );
    }
    if (tensor.dtype !== undefined && tensor.dtype !== spec.dtype) {
      throw new AmaasError(
        'INVALID_CONFIG',
        `${at} is declared ${tensor.dtype}, but the model has ${formatSpec(spec)}`,
      );
    }
    if (tensor.shape === undefined) return spec;
    const isCompatible =
      spec.shape === null ||
      (spec.shape.length === tensor.shape.length &&
        spec.shape.every(
          (dim, axis) =>
            typeof dim !== 'number' || typeof tensor.shape?.[axis] !== 'number' || dim === tensor.shape[axis],
        ));
    if (!isCompatible)
      throw new AmaasError(
        'INVALID_CONFIG',
        `${at} is declared with shape ${JSON.stringify(tensor.shape)}, but the model has ${formatSpec(spec)}`,
      );
    return { ...spec, shape: tensor.shape };
  });
  const missing = known.find(
    (spec) => where.side === 'inputs' && !spec.optional && !refined.some((tensor) => tensor.name === spec.name),
  );
  if (missing !== undefined) {
    throw new AmaasError(
      'INVALID_CONFIG',
      `manifest: signature "${where.signature}" leaves out the required input "${missing.name}"`,
    );
  }
  return refined;
}
