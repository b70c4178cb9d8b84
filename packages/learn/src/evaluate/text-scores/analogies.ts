// Analogy questions on word vectors: a is to b as c is to which word? Right only where the expected word is the best of
// all but a, b and c themselves.
// Source: Mikolov et al. (2013) for 3CosAdd and the questions' form; Levy and Goldberg (2014) for 3CosMul.
import { AmaasError } from '@amaas/core';
import { type Interval, wilsonInterval } from '../../statistics/index.ts';
import { splitAtWhitespace } from './sacrebleu-tokenizers.ts';
import { type LookupOptions, normalizeVectors, type UnitVectors, type WordVectors } from './word-vectors.ts';

export interface AnalogySection {
  readonly name: string;
  /** a, b, c and the expected word. */
  readonly questions: readonly (readonly [string, string, string, string])[];
}

/** `add`: cos(d, b) − cos(d, a) + cos(d, c); `multiply`: cos(d, b) · cos(d, c) / cos(d, a), cosines shifted to 0 … 1. */
export type AnalogyMethod = 'add' | 'multiply';

export interface AnalogyOptions extends LookupOptions {
  /** Default `add`. */
  readonly method?: AnalogyMethod;
}

export interface AnalogyCounts {
  /** Right answers / questions asked; NaN where none could be asked. */
  readonly accuracy: number;
  readonly right: number;
  /** Questions of which all four words have a vector. */
  readonly asked: number;
  readonly questions: number;
  /** Wilson's interval of the accuracy; null where none could be asked. Questions share words: it is too narrow. */
  readonly interval: Interval | null;
}

export interface AnalogyScores {
  readonly total: AnalogyCounts;
  readonly sections: readonly (AnalogyCounts & { readonly name: string })[];
}

/** Words whose cosines are held at a time: they stay in the processor's cache. */
const TILE_WORDS = 1024;
/** Keeps 3CosMul from dividing by 0. Source: Levy and Goldberg (2014). */
const EPSILON = 0.001;

/**
 * Reads questions in the form of questions-words.txt: a line `: name` begins a section, the others hold four words.
 * @throws INVALID_DATA on any other line, or on a question before the first section.
 */
export function parseAnalogies(text: string): readonly AnalogySection[] {
  const sections: { name: string; questions: [string, string, string, string][] }[] = [];
  text.split('\n').forEach((line, index) => {
    const [a, b, c, expected, ...rest] = splitAtWhitespace(line);
    if (a === undefined) return;
    if (a.startsWith(':')) {
      sections.push({ name: line.trim().slice(1).trim(), questions: [] });
      return;
    }
    const section = sections.at(-1);
    if (section === undefined || b === undefined || c === undefined || expected === undefined || rest.length > 0) {
      throw new AmaasError(
        'INVALID_DATA',
        `analogies: line ${index + 1} is ${JSON.stringify(line.slice(0, 80))}, expected four words in a section that began with ": name"`,
      );
    }
    section.questions.push([a, b, c, expected]);
  });
  return sections;
}

/**
 * Share of analogy questions answered right. Questions with unknown words are not asked; equal scores go to the word that
 * comes first. Cost: one cosine per known word and different word of the questions, and one sum per known word and question.
 * @throws INVALID_DATA without words or on vectors that are not finite; INVALID_ARGUMENT where the array does not fit.
 */
export function evaluateAnalogies(
  vectors: WordVectors,
  sections: readonly AnalogySection[],
  options: AnalogyOptions = {},
): AnalogyScores {
  const units = normalizeVectors('analogies', vectors, options);
  const asked: Question[] = [];
  sections.forEach(({ questions }, section) => {
    for (const words of questions) {
      const [a, b, c, expected] = words.map((word) => units.indexOf(word));
      if (a === undefined || b === undefined || c === undefined || expected === undefined) continue;
      asked.push({ section, a, b, c, expected });
    }
  });
  const answers = answerAll(units, asked, options.method ?? 'add');
  const right = sections.map(() => 0);
  const counts = sections.map(() => 0);
  asked.forEach(({ section, expected }, index) => {
    counts[section] = (counts[section] ?? 0) + 1;
    if (answers[index] === expected) right[section] = (right[section] ?? 0) + 1;
  });
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  const lengths = sections.map(({ questions }) => questions.length);
  return {
    total: countsOf(sum(right), sum(counts), sum(lengths)),
    sections: sections.map(({ name }, k) => ({ name, ...countsOf(right[k] ?? 0, counts[k] ?? 0, lengths[k] ?? 0) })),
  };
}

interface Question {
  readonly section: number;
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly expected: number;
}

/** The best word of each question; −1 where there is none. */
function answerAll(units: UnitVectors, questions: readonly Question[], method: AnalogyMethod): Int32Array {
  const rows = new Map<number, number>();
  for (const { a, b, c } of questions) {
    for (const word of [a, b, c]) if (!rows.has(word)) rows.set(word, rows.size);
  }
  const asked = Int32Array.from(rows.keys());
  const cosines = new Float32Array(rows.size * TILE_WORDS);
  const best = new Float64Array(questions.length).fill(Number.NEGATIVE_INFINITY);
  const answers = new Int32Array(questions.length).fill(-1);
  const rowOf = (word: number): number => (rows.get(word) ?? 0) * TILE_WORDS;
  for (let first = 0; first < units.words.length; first += TILE_WORDS) {
    const tileWords = Math.min(TILE_WORDS, units.words.length - first);
    fillCosines(units, { asked, first, tileWords, cosines });
    questions.forEach(({ a, b, c }, index) => {
      const [rowA, rowB, rowC] = [rowOf(a), rowOf(b), rowOf(c)];
      let [bestScore, answer] = [best[index] ?? 0, answers[index] ?? -1];
      for (let k = 0; k < tileWords; k++) {
        const cosA = cosines[rowA + k] ?? 0;
        const cosB = cosines[rowB + k] ?? 0;
        const cosC = cosines[rowC + k] ?? 0;
        const score =
          method === 'add' ? cosB - cosA + cosC : ((cosB + 1) * (cosC + 1)) / 4 / ((cosA + 1) / 2 + EPSILON);
        const word = first + k;
        if (score > bestScore && word !== a && word !== b && word !== c) [bestScore, answer] = [score, word];
      }
      best[index] = bestScore;
      answers[index] = answer;
    });
  }
  return answers;
}

interface Tile {
  readonly asked: Int32Array;
  readonly first: number;
  readonly tileWords: number;
  readonly cosines: Float32Array;
}

function fillCosines({ units, dimensions }: UnitVectors, { asked, first, tileWords, cosines }: Tile): void {
  asked.forEach((word, row) => {
    const from = word * dimensions;
    for (let k = 0; k < tileWords; k++) {
      const other = (first + k) * dimensions;
      let product = 0;
      for (let d = 0; d < dimensions; d++) product += (units[from + d] ?? 0) * (units[other + d] ?? 0);
      cosines[row * TILE_WORDS + k] = product;
    }
  });
}

function countsOf(right: number, asked: number, questions: number): AnalogyCounts {
  return {
    accuracy: right / asked,
    right,
    asked,
    questions,
    interval: asked === 0 ? null : wilsonInterval(right, asked),
  };
}
