// Prompts of models that fill in what is missing between two texts: their families, told apart by the tokens they have.
import type { PromptPiece } from '@amaas/core';

interface Family {
  readonly prefix: string;
  readonly suffix: string;
  /** What the answer follows; null: nothing more. */
  readonly middle: string | null;
  /** Whether what comes after the gap is told first. */
  readonly isSuffixFirst?: true;
}

const FAMILIES: readonly Family[] = [
  { prefix: '<|fim_prefix|>', suffix: '<|fim_suffix|>', middle: '<|fim_middle|>' },
  { prefix: '<fim_prefix>', suffix: '<fim_suffix>', middle: '<fim_middle>' },
  { prefix: '<fim-prefix>', suffix: '<fim-suffix>', middle: '<fim-middle>' },
  {
    prefix: '<\u{FF5C}fim\u2581begin\u{FF5C}>',
    suffix: '<\u{FF5C}fim\u2581hole\u{FF5C}>',
    middle: '<\u{FF5C}fim\u2581end\u{FF5C}>',
  },
  { prefix: '\u2581<PRE>', suffix: '\u2581<SUF>', middle: '\u2581<MID>' },
  { prefix: '<PRE>', suffix: '<SUF>', middle: '<MID>' },
  { prefix: '[PREFIX]', suffix: '[SUFFIX]', middle: null, isSuffixFirst: true },
];

/** Pieces of a prompt for what stands between; null: the model has no tokens for it. */
export function gapPrompt(
  { before, after }: { readonly before: readonly PromptPiece[]; readonly after: readonly PromptPiece[] },
  specialTexts: readonly string[],
): readonly PromptPiece[] | null {
  const known = new Set(specialTexts);
  const family = FAMILIES.find(
    ({ prefix, suffix, middle }) => known.has(prefix) && known.has(suffix) && (middle === null || known.has(middle)),
  );
  if (family === undefined) return null;
  const token = (text: string): PromptPiece => ({ text, special: true });
  const [prefix, suffix] = [
    [token(family.prefix), ...before],
    [token(family.suffix), ...after],
  ];
  const both = family.isSuffixFirst ? [...suffix, ...prefix] : [...prefix, ...suffix];
  return family.middle === null ? both : [...both, token(family.middle)];
}
