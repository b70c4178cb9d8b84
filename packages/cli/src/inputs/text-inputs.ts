// Texts as the inputs of a model: for an input of strings, or for one of ids whose tokenizer the manifest declares.
import { createTensor, type Manifest, type NamedTensors, type TensorSpec } from '@amaas/core';
import { UsageError } from '../command-context.ts';

interface TextInput {
  readonly name: string;
  /** Texts of a row. */
  readonly perRow: 1 | 2;
  /** Whether a row is a row of a matrix: [N, 1] or [N, 2]. */
  readonly isMatrix: boolean;
}

/** Whether an input could be of token ids. */
export function takesIds({ dtype, shape }: TensorSpec): boolean {
  return (dtype === 'int64' || dtype === 'int32') && shape?.length === 2;
}

/**
 * The texts as rows of the input they are for. Without a manifest it is guessed from the inputs; the server knows.
 * @throws UsageError where no input takes texts, several do and none is named, or pairs are not complete.
 */
export function inputsFromTexts(
  {
    model,
    specs,
    manifest,
  }: { readonly model: string; readonly specs: readonly TensorSpec[]; readonly manifest: Manifest | null },
  texts: readonly string[],
  inputName: string | undefined,
): NamedTensors {
  const input = chooseInput(model, listTextInputs(specs, manifest), inputName);
  const { name, perRow, isMatrix } = input;
  if (texts.length % perRow !== 0)
    throw new UsageError(
      `model "${model}" takes pairs of texts: give --text twice for each row, got ${texts.length} texts`,
    );
  const rows = texts.length / perRow;
  const utf8 = new TextEncoder();
  const data = texts.map((text) => utf8.encode(text));
  return new Map([[name, createTensor('string', isMatrix ? [rows, perRow] : [rows], data)]]);
}

function listTextInputs(specs: readonly TensorSpec[], manifest: Manifest | null): readonly TextInput[] {
  if (manifest === null && specs.every(({ dtype }) => dtype !== 'string')) {
    return specs.filter(takesIds).map(({ name }) => ({ name, perRow: 1, isMatrix: false }));
  }
  const declared = new Map(Object.entries(manifest?.preprocess ?? {}));
  return specs.flatMap(({ name, dtype, shape }): TextInput[] => {
    const steps = declared.get(name);
    if (steps?.kind === 'tokens') return [{ name, perRow: steps.pair ? 2 : 1, isMatrix: steps.pair ?? false }];
    return dtype === 'string' ? [{ name, perRow: 1, isMatrix: shape?.length === 2 }] : [];
  });
}

function chooseInput(model: string, inputs: readonly TextInput[], named: string | undefined): TextInput {
  const [only, second] = named === undefined ? inputs : inputs.filter(({ name }) => name === named);
  if (only !== undefined && second === undefined) return only;
  if (second !== undefined) {
    const names = inputs.map(({ name }) => name).join(', ');
    throw new UsageError(`model "${model}" takes several texts; say which with --input-name: ${names}`);
  }
  throw new UsageError(
    `model "${model}" takes no texts${named === undefined ? '' : ` for input "${named}"`}: it has no input of strings, and its amaas.json declares no "preprocess": {"<input>": {"kind": "tokens", "tokenizer": "tokenizer.json", …}}`,
  );
}

/** The inputs as whoever has texts sees them: strings for ids, and nothing that comes about with the texts. */
export function asTextSpecs(specs: readonly TensorSpec[], manifest: Manifest): readonly TensorSpec[] {
  const steps = new Map(Object.entries(manifest.preprocess ?? {}));
  const derived = new Set(
    [...steps.values()].flatMap((step) => (step.kind === 'tokens' ? [step.mask, step.typeIds] : [])),
  );
  return specs.flatMap((spec): TensorSpec[] => {
    if (derived.has(spec.name)) return [];
    const step = steps.get(spec.name);
    if (step?.kind !== 'tokens' || step.pair) return [spec];
    return [{ name: spec.name, dtype: 'string', shape: [null] }];
  });
}
