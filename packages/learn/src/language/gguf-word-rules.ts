// How byte-level tokenizers cut texts into words: GGUF files name the rule (`tokenizer.ggml.pre`), where a tokenizer.json
// writes it out.
// Source: llama.cpp, src/llama-vocab.cpp, which has each rule beside the expression of the original tokenizer.json.

export interface WordRule {
  /** `tokenizer.ggml.pre`. */
  readonly name: string;
  /** Null: ByteLevel's own expression, GPT-2's. */
  readonly expression: string | null;
  /** Whether llama.cpp takes a word that is a token whole, whatever the merges say. */
  readonly ignoresMerges: boolean;
}

const CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const REST = '| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+';
const LLAMA_3 = `${CONTRACTIONS}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}${REST}`;
const QWEN_2 = `${CONTRACTIONS}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}${REST}`;

export const WORD_RULES: readonly WordRule[] = [
  { name: 'gpt-2', expression: null, ignoresMerges: false },
  { name: 'llama-bpe', expression: LLAMA_3, ignoresMerges: true },
  { name: 'dbrx', expression: LLAMA_3, ignoresMerges: false },
  { name: 'qwen2', expression: QWEN_2, ignoresMerges: false },
];

const BYTE_LEVEL = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true };

/** The rule as a tokenizer.json has it. */
export function writeWordRule({ expression }: WordRule): object {
  if (expression === null) return { ...BYTE_LEVEL, use_regex: true };
  return {
    type: 'Sequence',
    pretokenizers: [
      { type: 'Split', pattern: { Regex: expression }, behavior: 'Isolated', invert: false },
      { ...BYTE_LEVEL, use_regex: false },
    ],
  };
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
  readonly replacement?: string;
  readonly prepend_scheme?: string;
  readonly split?: boolean;
}

/** The rule a pre-tokenizer is, if llama.cpp has one like it. */
export function findWordRule(given: PreTokenizerDocument | null, ignoresMerges: boolean): WordRule | undefined {
  const steps = given?.type === 'Sequence' ? (given.pretokenizers ?? []) : given === null ? [] : [given];
  const [first, second] = steps;
  const last = steps.at(-1);
  if (last?.type !== 'ByteLevel' || (last.add_prefix_space ?? true) || steps.length > 2) return undefined;
  const cuts = last.use_regex ?? true;
  let expression: string | null | undefined;
  if (second === undefined) expression = cuts ? null : undefined;
  else if (!cuts && first?.type === 'Split' && first.behavior === 'Isolated' && first.invert !== true)
    expression = first.pattern?.Regex;
  if (expression === undefined) return undefined;
  return WORD_RULES.find((rule) => rule.expression === expression && rule.ignoresMerges === ignoresMerges);
}
