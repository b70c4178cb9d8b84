// Word and character error rates: edits per word or character of the reference. Texts are compared as they are; what does
// not matter (case, punctuation, Unicode form) is normalised by the caller, alike on both sides.
// Source: the definition of NIST's sclite; counts as jiwer's.
import { AmaasError } from '@amaas/core';
import { alignSequences } from './edit-distance.ts';
import { splitAtWhitespace, trimWhitespace } from './sacrebleu-tokenizers.ts';
import type { TextMetric } from './text-metric.ts';

/** What is counted: words between whitespace, or characters (Unicode code points, spaces inside the text included). */
export type ErrorUnit = 'word' | 'character';

/** Texts and transcripts, one pair per row. */
export interface TranscriptRows {
  readonly hypotheses: readonly string[];
  readonly references: readonly string[];
}

export interface ErrorRate {
  /** Edits / reference units; may pass 1; NaN where all references are empty. */
  readonly rate: number;
  readonly substitutions: number;
  readonly insertions: number;
  readonly deletions: number;
  /** Units of the references that were hit. */
  readonly hits: number;
  /** Units of all references: hits + substitutions + deletions. */
  readonly referenceUnits: number;
  /** Share of rows without any edit, 0 … 1. */
  readonly exactRows: number;
}

/** Words, or characters, of a text without the whitespace round it. */
export function unitsOf(text: string, unit: ErrorUnit): readonly string[] {
  return unit === 'word' ? splitAtWhitespace(text) : Array.from(trimWhitespace(text));
}

/**
 * Error rate over all rows: edits of all by units of all, not a mean of rates.
 * @throws INVALID_DATA without rows or on texts too long to align; INVALID_ARGUMENT on lists of different lengths.
 */
export function computeErrorRate({ hypotheses, references }: TranscriptRows, unit: ErrorUnit): ErrorRate {
  const operation = `${unit} error rate`;
  if (hypotheses.length !== references.length) {
    throw new AmaasError(
      'INVALID_ARGUMENT',
      `${operation}: expects references for ${hypotheses.length} hypotheses, got ${references.length}`,
    );
  }
  if (hypotheses.length === 0) throw new AmaasError('INVALID_DATA', `${operation}: expects at least one row, got none`);
  let [substitutions, insertions, deletions, referenceUnits, exact] = [0, 0, 0, 0, 0];
  references.forEach((reference, row) => {
    const units = unitsOf(reference, unit);
    const edits = alignSequences(units, unitsOf(hypotheses[row] ?? '', unit));
    referenceUnits += units.length;
    for (const { kind } of edits) {
      if (kind === 'substitution') substitutions++;
      else if (kind === 'insertion') insertions++;
      else deletions++;
    }
    if (edits.length === 0) exact++;
  });
  return {
    rate: referenceUnits === 0 ? Number.NaN : (substitutions + insertions + deletions) / referenceUnits,
    substitutions,
    insertions,
    deletions,
    hits: referenceUnits - substitutions - deletions,
    referenceUnits,
    exactRows: exact / hypotheses.length,
  };
}

/** Error rate for intervals and comparisons; of several references the one with the lowest rate counts. */
export function errorRateMetric(unit: ErrorUnit): TextMetric {
  return {
    name: unit === 'word' ? 'WER' : 'CER',
    higherIsBetter: false,
    countSegment(hypothesis, references) {
      const units = unitsOf(hypothesis, unit);
      let best: readonly [number, number] = [0, 0];
      let bestRate = Number.POSITIVE_INFINITY;
      for (const reference of references) {
        const expected = unitsOf(reference, unit);
        const edits = alignSequences(expected, units).length;
        const rate = edits / Math.max(1, expected.length);
        if (rate < bestRate) [best, bestRate] = [[edits, expected.length], rate];
      }
      return best;
    },
    scoreOf: ([edits = 0, units = 0]) => (units === 0 ? Number.NaN : edits / units),
  };
}

/** A unit of the reference beside the one of the hypothesis that stands for it; null where one was added or left out. */
export interface AlignedUnit {
  readonly reference: string | null;
  readonly hypothesis: string | null;
}

/** Reference and hypothesis side by side, for people to read. @throws INVALID_DATA on texts too long to align. */
export function alignTexts(reference: string, hypothesis: string, unit: ErrorUnit): readonly AlignedUnit[] {
  const expected = unitsOf(reference, unit);
  const got = unitsOf(hypothesis, unit);
  const aligned: AlignedUnit[] = [];
  let [i, j] = [0, 0];
  const keepUntil = (referenceIndex: number): void => {
    for (; i < referenceIndex; i++, j++) aligned.push({ reference: expected[i] ?? null, hypothesis: got[j] ?? null });
  };
  for (const { kind, referenceIndex } of alignSequences(expected, got)) {
    keepUntil(referenceIndex);
    aligned.push({
      reference: kind === 'insertion' ? null : (expected[i] ?? null),
      hypothesis: kind === 'deletion' ? null : (got[j] ?? null),
    });
    if (kind !== 'insertion') i++;
    if (kind !== 'deletion') j++;
  }
  keepUntil(expected.length);
  return aligned;
}
