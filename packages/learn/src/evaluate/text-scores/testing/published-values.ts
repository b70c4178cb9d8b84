// Numbers of other programs on made-up input, made once.
// sacrebleu-values: sacreBLEU 2.6.0 on 39 segments with one to three references of invented words (numbers, quotes, entities,
// emoji, CJK, every kind of space), some empty: `bleu` and `chrf` hold corpus_score and sentence_score of BLEU(**options) and
// CHRF(**options), `tokens` the words of the last reference of the first eight segments, `oneReference` the first alone;
// `multi30k`: hypotheses made of the 1,000 English lines of test 2016 as bleu.test.ts does.
// span-values: 24 sequences per scheme of random tags, a quarter of the predictions other; spans and scores by the tables of
// seqeval 1.2 (`lenient`: its default mode, without a type `_`): [precision, recall, F1, support].
// rapidfuzz-values: Levenshtein.editops of RapidFuzz 3.14 on 60 random pairs over four letters.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TagScheme } from '../spans.ts';

type Numbers = readonly number[];

interface SacrebleuOptions {
  readonly effective_order?: boolean;
  readonly lowercase?: boolean;
  readonly smooth_method?: 'exp' | 'floor' | 'add-k' | 'none';
  readonly smooth_value?: number;
  readonly max_ngram_order?: number;
  readonly tokenize?: '13a' | 'intl' | 'char' | 'none';
  readonly char_order?: number;
  readonly word_order?: number;
  readonly beta?: number;
  readonly whitespace?: boolean;
  readonly eps_smoothing?: boolean;
}

interface SacrebleuValues {
  readonly version: string;
  readonly segments: readonly { readonly hypothesis: string; readonly references: readonly string[] }[];
  readonly bleu: readonly {
    readonly options: SacrebleuOptions;
    readonly score: number;
    readonly precisions: Numbers;
    readonly counts: Numbers;
    readonly totals: Numbers;
    readonly bp: number;
    readonly hyp: number;
    readonly ref: number;
    readonly signature: string;
    readonly sentences: Numbers;
  }[];
  readonly chrf: readonly {
    readonly options: SacrebleuOptions;
    readonly score: number;
    readonly name: string;
    readonly signature: string;
    readonly sentences: Numbers;
  }[];
  readonly tokens: Readonly<Record<'13a' | 'intl' | 'char' | 'none', readonly (readonly string[])[]>>;
  readonly oneReference: { readonly score: number; readonly signature: string };
  readonly multi30k: {
    readonly first: number;
    readonly second: number;
    readonly chrf: number;
    readonly chrfpp: number;
  };
}

interface SpanValues {
  readonly scheme: TagScheme;
  readonly targets: readonly (readonly string[])[];
  readonly predictions: readonly (readonly string[])[];
  readonly spans: readonly (readonly (readonly [string, number, number])[])[];
  readonly scores: {
    readonly types: readonly string[];
    readonly classes: readonly Numbers[];
    readonly micro: Numbers;
    readonly macro: Numbers;
    readonly weighted: Numbers;
  };
}

function load(name: string): unknown {
  return JSON.parse(readFileSync(join(import.meta.dirname, `${name}.json`), 'utf8'));
}

// The files beside were written in these forms.
export const sacrebleuValues = load('sacrebleu-values') as SacrebleuValues;
export const spanValues = load('span-values') as readonly SpanValues[];
/** First text, second text, edits as kind, place in the first, place in the second. */
export const rapidfuzzValues = load('rapidfuzz-values') as readonly (readonly [
  string,
  string,
  readonly (readonly ['S' | 'I' | 'D', number, number])[],
])[];
