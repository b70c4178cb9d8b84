// How byte-level tokenizers cut texts into words: GGUF files name the rule (`tokenizer.ggml.pre`), where a tokenizer.json
// writes it out.
// Source: llama.cpp, src/llama-vocab.cpp, which has each rule beside the expression of the original tokenizer.json.

export interface WordRule {
  /** `tokenizer.ggml.pre`. */
  readonly name: string;
  /** The step before ByteLevel; null: none. */
  readonly first: PreTokenizerDocument | null;
  /** Whether ByteLevel then cuts by its own expression, GPT-2's. */
  readonly cuts: boolean;
  /** Whether llama.cpp takes a word that is a token whole, whatever the merges say. */
  readonly ignoresMerges: boolean;
}

const CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const REST = '| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+';
const LLAMA_3 = splitBy(`${CONTRACTIONS}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}${REST}`);
const QWEN_2 = splitBy(`${CONTRACTIONS}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}${REST}`);

export const WORD_RULES: readonly WordRule[] = [
  { name: 'gpt-2', first: null, cuts: true, ignoresMerges: false },
  { name: 'llama-bpe', first: LLAMA_3, cuts: false, ignoresMerges: true },
  { name: 'dbrx', first: LLAMA_3, cuts: false, ignoresMerges: false },
  { name: 'qwen2', first: QWEN_2, cuts: false, ignoresMerges: false },
  { name: 'smollm', first: { type: 'Digits', individual_digits: true }, cuts: true, ignoresMerges: false },
];

function splitBy(expression: string): PreTokenizerDocument {
  return { type: 'Split', pattern: { Regex: expression }, behavior: 'Isolated', invert: false };
}

/** The rule as a tokenizer.json has it. */
export function writeWordRule({ first, cuts }: WordRule): object {
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: cuts };
  return first === null ? byteLevel : { type: 'Sequence', pretokenizers: [first, byteLevel] };
}

/** What of a pre-tokenizer of a tokenizer.json matters here. */
export interface PreTokenizerDocument {
  readonly type: string;
  readonly add_prefix_space?: boolean;
  readonly use_regex?: boolean;
  readonly pretokenizers?: readonly PreTokenizerDocument[];
  readonly pattern?: { readonly Regex?: string };
  readonly behavior?: string;
  readonly invert?: boolean;
  readonly individual_digits?: boolean;
  readonly replacement?: string;
  readonly prepend_scheme?: string;
  readonly split?: boolean;
}

/** The rule a pre-tokenizer is, if llama.cpp has one like it. */
export function findWordRule(given: PreTokenizerDocument | null, ignoresMerges: boolean): WordRule | undefined {
  const steps = given?.type === 'Sequence' ? (given.pretokenizers ?? []) : given === null ? [] : [given];
  const last = steps.at(-1);
  const first = steps.length > 1 ? (steps[0] ?? null) : null;
  if (last?.type !== 'ByteLevel' || (last.add_prefix_space ?? true) || steps.length > 2) return undefined;
  const cuts = last.use_regex ?? true;
  return WORD_RULES.find(
    (rule) => rule.cuts === cuts && rule.ignoresMerges === ignoresMerges && isSameStep(rule.first, first),
  );
}

function isSameStep(a: PreTokenizerDocument | null, b: PreTokenizerDocument | null): boolean {
  if (a === null || b === null) return a === b;
  return (
    a.type === b.type &&
    a.pattern?.Regex === b.pattern?.Regex &&
    a.behavior === b.behavior &&
    (a.invert ?? false) === (b.invert ?? false) &&
    (a.individual_digits ?? false) === (b.individual_digits ?? false)
  );
}
