// A training file, read whole before anything is learned from it: every line that is wrong is named, with the field.
import { AmaasError } from '@amaas/core';
import type { LearnedSequence } from '@amaas/learn/language';
import { readTrainingExample } from '@amaas/protocols/fine-tuning';
import { sequencesOf, type SequenceParts } from './sequences.ts';

export interface LineProblem {
  /** 1 for the first. */
  readonly line: number;
  /** Empty where it is the line as a whole. */
  readonly field: string;
  readonly message: string;
}

export interface ReadExamples {
  readonly examples: number;
  readonly sequences: readonly LearnedSequence[];
}

/** Lines named at most; who mends them reads the file again. */
const MOST_PROBLEMS = 100;
/** Of a problem; a message may quote what came. */
const MOST_CHARACTERS = 300;

/**
 * @param param - `training_file` or `validation_file`, for `details.param`
 * @throws INVALID_DATA with `details.problems`, {@link LineProblem}s
 */
export function readExamples(
  bytes: Uint8Array,
  { param, name, ...parts }: SequenceParts & { readonly param: string; readonly name: string },
): ReadExamples {
  const problems: LineProblem[] = [];
  const sequences: LearnedSequence[] = [];
  let [examples, wrong] = [0, 0];
  for (const { line, bytes: content } of linesOf(bytes)) {
    if (content.every((byte) => BLANKS.has(byte))) continue;
    examples++;
    try {
      sequences.push(...sequencesOf(readTrainingExample(decode(content)), parts));
    } catch (thrown) {
      if (!(thrown instanceof AmaasError) || thrown.code !== 'INVALID_ARGUMENT') throw thrown;
      if (++wrong <= MOST_PROBLEMS) problems.push(problemOf(line, thrown));
    }
  }
  if (wrong > 0) {
    const more = wrong > problems.length ? ` (the first ${problems.length} of them here)` : '';
    const message = `${name}: ${wrong} of ${examples} examples cannot be used${more}: ${problems.map(sayProblem).join('; ')}`;
    throw new AmaasError('INVALID_DATA', message, { details: { param, problems } });
  }
  if (examples === 0) {
    throw new AmaasError('INVALID_DATA', `${name}: has no examples; at least one is needed`, { details: { param } });
  }
  return { examples, sequences };
}

export function sayProblem({ line, message }: LineProblem): string {
  return `line ${line}: ${message}`;
}

function problemOf(line: number, { message, details }: AmaasError): LineProblem {
  const field = typeof details['field'] === 'string' ? details['field'] : '';
  return { line, field, message: message.replace(/^the body: /, '').slice(0, MOST_CHARACTERS) };
}

function* linesOf(bytes: Uint8Array): Generator<{ readonly line: number; readonly bytes: Uint8Array }> {
  for (let [line, from] = [1, 0]; from < bytes.length; line++) {
    const newline = bytes.indexOf(0x0a, from);
    const to = newline === -1 ? bytes.length : newline;
    yield { line, bytes: bytes.subarray(from, to) };
    from = to + 1;
  }
}

/** Space, tab, and the return before a line's end. */
const BLANKS: ReadonlySet<number> = new Set([0x20, 0x09, 0x0d]);

const UTF_8 = new TextDecoder('utf-8', { fatal: true });

function decode(bytes: Uint8Array): string {
  try {
    return UTF_8.decode(bytes);
  } catch {
    throw new AmaasError('INVALID_ARGUMENT', 'expected UTF-8');
  }
}
