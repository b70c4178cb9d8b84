// What a manifest declares about texts, held against what the model itself takes and gives: every field decided, every
// contradiction refused. Knows no tokenizers.
import {
  AmaasError,
  type Dim,
  type DType,
  formatSpec,
  type Manifest,
  type Signature,
  type TensorSpec,
  type TextPostprocess,
  type TextPreprocess,
} from '@amaas/core';

/** Dtypes that ids may have. */
export type IdDType = 'int32' | 'int64';
/** Dtypes that masks may have. */
export type MaskDType = IdDType | 'float32' | 'bool';

interface Column<D extends DType> {
  readonly name: string;
  readonly dtype: D;
}

/** How rows of one input come about. */
export interface TokenPlan {
  readonly ids: Column<IdDType>;
  readonly mask: Column<MaskDType> | null;
  readonly typeIds: Column<IdDType> | null;
  readonly tokenizer: string;
  readonly pair: boolean;
  readonly maxTokens: number;
  /** The T of every row; null where it goes by the texts. */
  readonly rowTokens: number | null;
  readonly length: NonNullable<TextPreprocess['length']>;
  /** null: whatever the tokenizer.json says. */
  readonly padding: number | null;
  readonly truncate: NonNullable<TextPreprocess['truncate']>;
  readonly addSpecialTokens: boolean;
}

/** How one output becomes texts. */
export interface TextPlan {
  readonly output: string;
  readonly tokenizer: string;
  readonly skipSpecialTokens: boolean;
  readonly endTokens: readonly string[];
}

export interface TextPlans {
  readonly inputs: readonly TokenPlan[];
  readonly outputs: readonly TextPlan[];
}

/**
 * The plans of a version; null where its manifest declares nothing about texts.
 * @throws INVALID_CONFIG naming the field, what it needs and what the model has.
 */
export function planTexts(manifest: Manifest, model: Pick<Signature, 'inputs' | 'outputs'>): TextPlans | null {
  const inputs = Object.entries(manifest.preprocess ?? {}).flatMap(([name, declared]) =>
    declared.kind === 'tokens' ? [planInput(name, declared, model.inputs)] : [],
  );
  const outputs = Object.entries(manifest.postprocess ?? {}).map(([name, declared]) =>
    planOutput(name, declared, model.outputs),
  );
  if (inputs.length === 0 && outputs.length === 0) return null;
  assertNoneTwice(inputs);
  return { inputs, outputs };
}

function planInput(name: string, declared: TextPreprocess, specs: readonly TensorSpec[]): TokenPlan {
  const at = `manifest: preprocess.${JSON.stringify(name)}`;
  const ids = columnOf({ at, specs, dtypes: ['int32', 'int64'] }, name);
  const tokens = ids.spec.shape?.[1] ?? null;
  const { maxTokens, rowTokens, length } = planLength(at, declared, tokens);
  const aside = { specs, tokens };
  const mask =
    declared.mask === undefined
      ? null
      : columnOf({ at: `${at}.mask`, dtypes: ['int32', 'int64', 'float32', 'bool'], ...aside }, declared.mask);
  const typeIds =
    declared.typeIds === undefined
      ? null
      : columnOf({ at: `${at}.typeIds`, dtypes: ['int32', 'int64'], ...aside }, declared.typeIds);
  return {
    ids: ids.column,
    mask: mask?.column ?? null,
    typeIds: typeIds?.column ?? null,
    tokenizer: declared.tokenizer,
    pair: declared.pair ?? false,
    maxTokens,
    rowTokens,
    length,
    padding: declared.padding ?? null,
    truncate: declared.truncate ?? 'refuse',
    addSpecialTokens: declared.addSpecialTokens ?? true,
  };
}

function planLength(
  at: string,
  declared: TextPreprocess,
  tokens: Dim,
): Pick<TokenPlan, 'maxTokens' | 'rowTokens' | 'length'> {
  const fixed = typeof tokens === 'number' ? tokens : null;
  const maxTokens = declared.maxTokens ?? fixed;
  if (maxTokens === null)
    throw refuse(`${at} needs maxTokens: nothing else bounds rows of the model's ${tokens ?? 'free'} tokens`);
  if (fixed !== null && maxTokens > fixed)
    throw refuse(`${at}.maxTokens is ${maxTokens}, but the model takes rows of ${fixed}`);
  const length = declared.length ?? (fixed !== null ? 'fixed' : declared.mask === undefined ? 'exact' : 'longest');
  if (fixed !== null && length !== 'fixed')
    throw refuse(`${at}.length is "${length}", but the model takes rows of ${fixed} tokens, no others`);
  if (length === 'longest' && declared.mask === undefined)
    throw refuse(`${at}.length is "longest", which needs a mask: without one the model takes padding for tokens`);
  return { maxTokens, rowTokens: length === 'fixed' ? (fixed ?? maxTokens) : null, length };
}

interface ColumnRule<D extends DType> {
  readonly at: string;
  readonly specs: readonly TensorSpec[];
  readonly dtypes: readonly D[];
  /** The T that the ids have, where it has to be the same. */
  readonly tokens?: Dim;
}

/** An input of the right kind: [N, T]. */
function columnOf<const D extends DType>(
  { at, specs, dtypes, tokens = null }: ColumnRule<D>,
  name: string,
): { readonly column: Column<D>; readonly spec: TensorSpec } {
  const spec = specs.find((candidate) => candidate.name === name);
  if (spec === undefined) throw refuse(`${at}: the model has no input "${name}", only ${namesOf(specs)}`);
  const dtype = dtypes.find((candidate) => candidate === spec.dtype);
  const { shape } = spec;
  const width = shape?.[1] ?? null;
  const isMatrix = shape === null || shape.length === 2;
  const differs = typeof width === 'number' && typeof tokens === 'number' && width !== tokens;
  if (dtype === undefined || !isMatrix || differs) {
    const wanted = `${dtypes.join(', ')} [N,${typeof tokens === 'number' ? tokens : 'T'}]`;
    throw refuse(`${at}: input "${name}" must be ${wanted}, but the model has ${formatSpec(spec)}`);
  }
  return { column: { name, dtype }, spec };
}

function planOutput(name: string, declared: TextPostprocess, specs: readonly TensorSpec[]): TextPlan {
  const at = `manifest: postprocess.${JSON.stringify(name)}`;
  const spec = specs.find((candidate) => candidate.name === name);
  if (spec === undefined) throw refuse(`${at}: the model has no output "${name}", only ${namesOf(specs)}`);
  if ((spec.dtype !== 'int32' && spec.dtype !== 'int64') || spec.shape?.length === 0)
    throw refuse(`${at}: output "${name}" must be int32, int64 […,T], but the model has ${formatSpec(spec)}`);
  return {
    output: name,
    tokenizer: declared.tokenizer,
    skipSpecialTokens: declared.skipSpecialTokens ?? true,
    endTokens: declared.endTokens ?? [],
  };
}

/** Every input has one source. */
function assertNoneTwice(plans: readonly TokenPlan[]): void {
  const seen = new Set<string>();
  for (const { ids, mask, typeIds } of plans) {
    for (const column of [ids, mask, typeIds]) {
      if (column === null) continue;
      if (seen.has(column.name))
        throw refuse(`manifest: preprocess: input "${column.name}" has two declared sources; it can have one`);
      seen.add(column.name);
    }
  }
}

function namesOf(specs: readonly TensorSpec[]): string {
  return specs.map((spec) => `"${spec.name}"`).join(', ') || 'none';
}

function refuse(message: string): AmaasError {
  return new AmaasError('INVALID_CONFIG', message);
}
