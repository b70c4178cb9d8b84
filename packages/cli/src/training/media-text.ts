// What was found in a folder, as a few lines: enough to see that it was understood, and what was left out of it.
import { countOf, type DataFinding, formatFindings, type SkippedFile } from '@amaas/learn/data';
import type { Fact } from '@amaas/learn/evaluate';
import type { MediaSummary } from '@amaas/learn/pipelines';
import { pairs } from '../terminal.ts';

/** Names and classes shown of one list. */
const MAX_SHOWN = 6;

export interface MediaFacts {
  readonly name: string;
  readonly summary: MediaSummary;
  readonly rows: { readonly train: number; readonly validation: number; readonly test: number };
  /** How files are prepared, and what was decided about that. */
  readonly facts: readonly Fact[];
  readonly findings: readonly DataFinding[];
  /** Files of other kinds, as a text; '' for none. */
  readonly others: string;
}

/** `isVerbose`: every class and every file left out. */
export function mediaText(facts: MediaFacts, isVerbose: boolean): string {
  const { name, summary, rows, findings, others } = facts;
  const noun = summary.kind === 'image' ? 'picture' : 'recording';
  const { train, validation, test } = rows;
  const text = pairs([
    ['predicts', classesText(summary, isVerbose)],
    ...facts.facts.map(({ label, value }) => [label.toLowerCase(), String(value)] as const),
    ['files', `${count(train)} to train, ${count(validation)} to validate, ${count(test)} held out`],
    ...(others === '' ? [] : [['passed over', others] as const]),
  ]);
  const warnings = [
    ...skippedText(summary, isVerbose),
    ...(findings.length === 0
      ? []
      : [formatFindings(findings.filter(({ severity }) => isVerbose || severity !== 'info'))]),
  ].filter((line) => line !== '');
  return [`${name}: ${countOf(summary.files, noun)}`, text, ...warnings].join('\n');
}

function classesText({ classes, files }: MediaSummary, isVerbose: boolean): string {
  const shown = classes.slice(0, isVerbose ? classes.length : MAX_SHOWN);
  const shares = shown.map((each) => `${each.name} ${((100 * each.count) / files).toFixed(0)} %`);
  const more = classes.length > shown.length ? `, and ${classes.length - shown.length} more` : '';
  return `one of ${classes.length} classes: ${shares.join(', ')}${more}`;
}

/** What could not be read, as lines; none where all could. */
export function skippedText({ skipped, files }: MediaSummary, isVerbose: boolean): readonly string[] {
  if (skipped.length === 0) return [];
  const total = count(files + skipped.length);
  const [first] = skipped;
  if (skipped.length === 1 && first !== undefined) return [`warning: 1 of ${total} files is left out: ${whyOf(first)}`];
  const head = `warning: ${count(skipped.length)} of ${total} files cannot be read and are left out`;
  if (isVerbose) return [`${head}:`, ...skipped.map((file) => `  ${whyOf(file)}`)];
  const names = skipped.slice(0, MAX_SHOWN).map(({ name }) => name);
  const more = skipped.length > names.length ? `, and ${skipped.length - names.length} more` : '';
  return [`${head}: ${names.join(', ')}${more} (--verbose says why)`];
}

/** Messages begin with the kind of medium, which here goes without saying. */
function whyOf({ message }: SkippedFile): string {
  return message.replace(/^(image|audio|wav): /, '');
}

function count(files: number): string {
  return files.toLocaleString('en-US');
}
