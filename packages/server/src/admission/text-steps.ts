// What admission does about texts: holds the declared tokenizers against the model, and makes real ids for quarantine, of
// the manifest's example or of made-up texts.
import {
  AmaasError,
  createTensor,
  DEFAULT_SIGNATURE,
  type Manifest,
  type NamedTensors,
  type Signature,
  type Tensor,
  type TensorSpec,
} from '@amaas/core';
import type { TextSteps } from '../dataplane/index.ts';
import { signaturesOf } from './signatures.ts';

/**
 * Refuses a tokenizer with more ids than the model has rows for.
 * @param tableRows - by input, where the graph shows it
 * @throws INVALID_CONFIG
 */
export function assertIdsFit(steps: TextSteps, tableRows: ReadonlyMap<string, number>): void {
  for (const [name, greatest] of steps.greatestIds) {
    const rows = tableRows.get(name);
    if (rows !== undefined && greatest >= rows) {
      throw new AmaasError(
        'INVALID_CONFIG',
        `manifest: preprocess.${JSON.stringify(name)}: its ids go up to ${greatest}, but the model looks them up in a table of ${rows} rows`,
      );
    }
  }
}

/** Rows of made-up texts: as many as the proof that rows may be joined runs. */
const MADE_UP_TEXTS = ['a', 'b c', 'd e f', 'g h i j', 'k', 'l m', 'n o p', 'q r s t'];
/** The same number of words, for models that take rows of one length at a time. */
const EVEN_TEXTS = ['a b', 'c d', 'e f', 'g h', 'i j', 'k l', 'm n', 'o p'];

/**
 * What the model itself gets of the manifest's example; without one of made-up texts, where all inputs come from texts
 * and the tokenizer has words for some. null: quarantine makes up its own.
 * @throws as {@link TextSteps.prepare} for an example that cannot be prepared
 */
export async function exampleFor(
  steps: TextSteps,
  inputs: readonly TensorSpec[],
  example: NamedTensors | null,
): Promise<NamedTensors | null> {
  if (example !== null) return hasTexts(steps, example) ? prepareExample(steps, example) : example;
  const missing = inputs.some(
    ({ name, optional }) => !optional && !steps.inputs.has(name) && !steps.derivedInputs.has(name),
  );
  if (missing || steps.inputs.size === 0) return null;
  for (const texts of [MADE_UP_TEXTS, EVEN_TEXTS]) {
    const made = await tryTexts(steps, texts);
    if (made !== null) return made;
  }
  return null;
}

function hasTexts(steps: TextSteps, example: NamedTensors): boolean {
  return [...example].some(([name, tensor]) => tensor.dtype === 'string' && steps.inputs.has(name));
}

/** An example of texts that run apart shows the first of them. */
async function prepareExample(steps: TextSteps, example: NamedTensors): Promise<NamedTensors | null> {
  const { parts, release } = await steps.prepare(example);
  release();
  return parts[0]?.inputs ?? null;
}

async function tryTexts(steps: TextSteps, texts: readonly string[]): Promise<NamedTensors | null> {
  const utf8 = new TextEncoder();
  for (const [form, each] of [
    [[texts.length], 1],
    [[texts.length, 2], 2],
  ] as const) {
    const data = texts.flatMap((text) => new Array<Uint8Array>(each).fill(utf8.encode(text)));
    const inputs = [...steps.inputs].map((name): [string, Tensor] => [name, createTensor('string', form, data)]);
    try {
      const { parts, release } = await steps.prepare(new Map(inputs));
      release();
      const [only, second] = parts;
      if (only !== undefined && second === undefined) return only.inputs;
    } catch (thrown) {
      if (!(thrown instanceof AmaasError)) throw thrown; // no such words, too many of them, or pairs wanted
    }
  }
  return null;
}

/** The signatures with texts where the manifest turns ids into them. */
export function withTextOutputs(
  signatures: ReadonlyMap<string, Signature>,
  manifest: Manifest,
): ReadonlyMap<string, Signature> {
  const names = new Set(Object.keys(manifest.postprocess ?? {}));
  if (names.size === 0) return signatures;
  return new Map(
    [...signatures].map(([name, signature]) => [
      name,
      {
        ...signature,
        outputs: signature.outputs.map((spec) =>
          names.has(spec.name) ? { ...spec, dtype: 'string' as const, shape: spec.shape?.slice(0, -1) ?? null } : spec,
        ),
      },
    ]),
  );
}

/** The inputs as the default signature of a manifest narrows them; the same as a version that was admitted has there. */
export function narrowedInputs(inputs: readonly TensorSpec[], manifest: Manifest): readonly TensorSpec[] {
  const declared = manifest.signatures?.[DEFAULT_SIGNATURE]?.inputs;
  if (declared === undefined) return inputs;
  const narrowed = signaturesOf({ inputs, outputs: [] }, { signatures: { [DEFAULT_SIGNATURE]: { inputs: declared } } });
  return narrowed.get(DEFAULT_SIGNATURE)?.inputs ?? inputs;
}
