// How well recordings were written down: word and character error rates and how many texts were exact, with intervals, for
// all and for groups, and the worst of them. Plain JSON data, and as text.
import {
  computeErrorRate,
  errorRateMetric,
  estimateTextScore,
  type Fact,
  type Slice,
  type TextMetric,
  type TrainingCurve,
} from '../evaluate/index.ts';
import { createRandom, type Interval } from '../statistics/index.ts';

export type SpeechMetricName = 'word error rate' | 'character error rate' | 'exact texts';

export interface SpeechMetric {
  readonly name: SpeechMetricName;
  readonly higherIsBetter: boolean;
  /** A share; error rates may pass 1. */
  readonly value: number;
  /** Bootstrap over recordings. */
  readonly interval: Interval | null;
}

/** A recording and what was heard. */
export interface HeardText {
  readonly file: string;
  readonly text: string;
  readonly heard: string;
}

export interface SpeechReport {
  readonly format: 'amaas-speech-evaluation-1';
  /** Recordings. */
  readonly n: number;
  readonly metrics: readonly SpeechMetric[];
  /** Word edits over all recordings. */
  readonly edits: {
    readonly substitutions: number;
    readonly insertions: number;
    readonly deletions: number;
    readonly words: number;
  };
  readonly slices: readonly { readonly name: string; readonly n: number; readonly metrics: readonly SpeechMetric[] }[];
  /** Those with the most character edits per character, at most 20; none that is exact. */
  readonly worst: readonly HeardText[];
  readonly data: { readonly name: string; readonly facts: readonly Fact[] };
  readonly model: { readonly facts: readonly Fact[] };
  readonly training: { readonly facts: readonly Fact[]; readonly curves: readonly TrainingCurve[] };
  readonly estimation: { readonly confidence: number; readonly seed: string };
}

const EXACT: TextMetric = {
  name: 'exact',
  higherIsBetter: true,
  countSegment: (hypothesis, references) => [references.includes(hypothesis) ? 1 : 0, 1],
  scoreOf: ([hits = 0, rows = 0]) => (rows === 0 ? Number.NaN : hits / rows),
};

const METRICS: Readonly<Record<SpeechMetricName, TextMetric>> = {
  'word error rate': errorRateMetric('word'),
  'character error rate': errorRateMetric('character'),
  'exact texts': EXACT,
};

const CONFIDENCE = 0.95;
const MAX_WORST = 20;

export interface SpeechEvaluation extends Pick<SpeechReport, 'data' | 'model' | 'training'> {
  readonly heard: readonly HeardText[];
  readonly slices: readonly Slice[];
  readonly seed: string | number;
}

/** @throws INVALID_DATA without recordings */
export function evaluateSpeech({ heard, slices, seed, ...described }: SpeechEvaluation): SpeechReport {
  const { substitutions, insertions, deletions, referenceUnits } = computeErrorRate(columnsOf(heard), 'word');
  return {
    format: 'amaas-speech-evaluation-1',
    n: heard.length,
    metrics: metricsOf(heard, seed),
    edits: { substitutions, insertions, deletions, words: referenceUnits },
    slices: slices.map(({ name, rows }) => {
      const own = Array.from(rows).flatMap((row) => heard.slice(row, row + 1));
      return { name, n: own.length, metrics: metricsOf(own, `${seed} ${name}`) };
    }),
    worst: worstOf(heard),
    ...described,
    estimation: { confidence: CONFIDENCE, seed: String(seed) },
  };
}

function columnsOf(heard: readonly HeardText[]) {
  return { hypotheses: heard.map((each) => each.heard), references: heard.map(({ text }) => text) };
}

function metricsOf(heard: readonly HeardText[], seed: string | number): readonly SpeechMetric[] {
  const { hypotheses, references } = columnsOf(heard);
  const rows = { hypotheses, references: references.map((text) => [text]) };
  // The keys of a record that lists them all.
  return (Object.keys(METRICS) as SpeechMetricName[]).map((name) => {
    const random = createRandom(`${seed} ${name}`);
    const { value, interval } = estimateTextScore(METRICS[name], rows, { random, confidence: CONFIDENCE });
    return { name, higherIsBetter: METRICS[name].higherIsBetter, value, interval };
  });
}

function worstOf(heard: readonly HeardText[]): readonly HeardText[] {
  return heard
    .map((each) => ({
      each,
      rate: computeErrorRate({ hypotheses: [each.heard], references: [each.text] }, 'character').rate,
    }))
    .filter(({ each }) => each.heard !== each.text)
    .toSorted((a, b) => b.rate - a.rate)
    .slice(0, MAX_WORST)
    .map(({ each }) => each);
}

/** A metric's value. */
export function speechMetric({ metrics }: Pick<SpeechReport, 'metrics'>, name: SpeechMetricName): number {
  return metrics.find((metric) => metric.name === name)?.value ?? Number.NaN;
}

/** The report for people, as lines. */
export function formatSpeechReport({ n, metrics, edits, slices, worst, estimation }: SpeechReport): string {
  const confidence = `${Math.round(estimation.confidence * 100)} %`;
  const lines = metrics.map(
    ({ name, value, interval }) =>
      `  ${name.padEnd(22)}${formatShares(value, interval)
        .map((text) => text.padEnd(9))
        .join('')
        .trimEnd()}`,
  );
  const { substitutions, insertions, deletions, words } = edits;
  return [
    `On ${n.toLocaleString('en-US')} recordings it has not heard (with ${confidence} intervals):`,
    ...lines,
    `  ${words} words: ${substitutions} other ones, ${deletions} left out, ${insertions} added`,
    ...slices.map(
      (slice) =>
        `  ${slice.name} (${slice.n}): ${slice.metrics.map(({ name, value }) => `${name} ${percent(value)}`).join(', ')}`,
    ),
    ...(worst.length === 0 ? [] : ['Heard worst:']),
    ...worst.slice(0, 5).map(({ file, text, heard }) => `  ${file}: "${text}" as "${heard}"`),
  ].join('\n');
}

/** A share for people, and its interval where there is one. */
export function formatShares(value: number, interval: Interval | null): readonly string[] {
  return [percent(value), ...(interval === null ? [] : [`${percent(interval.lower)} – ${percent(interval.upper)}`])];
}

function percent(value: number): string {
  return Number.isNaN(value) ? '–' : `${(100 * value).toFixed(1)} %`;
}
