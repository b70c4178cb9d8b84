// The likeliest labels under CTC, where many alignments give the same labels and their probabilities add up; a language
// model may have its say about which labels follow which.
// Source: Hannun et al., "First-Pass Large Vocabulary Continuous Speech Recognition using Bi-Directional Recurrent DNNs" (2014).
import { AmaasError } from '@amaas/core';
import { type CtcShape, checkCtc, frameOf } from './ctc-greedy.ts';
import { addLogs } from './log-probabilities.ts';

/** Says how likely a label is after those before, which it knows as a state of its own. */
export interface LabelModel<State> {
  /** Before the first label. */
  readonly start: State;
  /** Natural logarithm of the label's probability, and the state after it. Called for every label tried: it has to be quick. */
  advance(state: State, label: number): { readonly logProbability: number; readonly state: State };
  /** Natural logarithm of the probability that nothing follows; default: not asked. */
  end?(state: State): number;
}

export interface CtcSearchOptions<State> extends CtcShape {
  /** Beginnings gone on with, and results given at most, ≥ 1. */
  readonly beams: number;
  readonly languageModel?: {
    readonly model: LabelModel<State>;
    /** What the language model's log-probabilities are multiplied by, ≥ 0. */
    readonly weight: number;
    /** Added per label, against the language model's liking for few of them; default 0. */
    readonly labelBonus?: number;
  };
}

export interface CtcSequence {
  readonly labels: readonly number[];
  /** Natural logarithm of the probability of all alignments found; of all there are where the beam is wide enough. */
  readonly logProbability: number;
  /** logProbability with the language model's share and the bonus. */
  readonly score: number;
}

const IMPOSSIBLE = Number.NEGATIVE_INFINITY;

/** What the language model makes of a beginning. */
interface Context<State> {
  readonly state: State;
  /** Its share of the score so far, and the bonuses. */
  readonly bonus: number;
}

/** A beginning: labels so far, with the alignments that end in a blank kept apart from those that end in its last label. */
class Beginning<State> {
  readonly label: number;
  readonly before: Beginning<State> | null;
  readonly context: Context<State> | null;
  readonly after = new Map<number, Beginning<State>>();
  blankLog = IMPOSSIBLE;
  labelLog = IMPOSSIBLE;
  nextBlankLog = IMPOSSIBLE;
  nextLabelLog = IMPOSSIBLE;
  inBeam = false;

  constructor(label: number, before: Beginning<State> | null, context: Context<State> | null) {
    this.label = label;
    this.before = before;
    this.context = context;
  }

  get logProbability(): number {
    return addLogs(this.blankLog, this.labelLog);
  }

  get score(): number {
    return this.logProbability + (this.context?.bonus ?? 0);
  }
}

/**
 * The likeliest label sequences, best first.
 * @param logits - [frames, classes] row-major; log-probabilities are as good. Padding frames are cut off by the caller.
 * @throws INVALID_ARGUMENT on options out of range or a shape that does not fit; INVALID_DATA on NaN or a frame without
 *   possible class, or when the language model gives NaN.
 */
export function decodeCtcBeams<State = undefined>(
  logits: ArrayLike<number>,
  options: CtcSearchOptions<State>,
): readonly CtcSequence[] {
  const { frames, blank } = checkCtc('CTC beam search', logits, options);
  checkOptions(options);
  const { languageModel } = options;
  const context = languageModel === undefined ? null : { state: languageModel.model.start, bonus: 0 };
  const root = new Beginning<State>(-1, null, context);
  root.blankLog = 0;
  root.inBeam = true;
  let beam: readonly Beginning<State>[] = [root];
  for (let frame = 0; frame < frames; frame++) {
    const logProbabilities = frameOf('CTC beam search', logits, { frame, classes: options.classes });
    beam = advanceFrame(beam, { logProbabilities, blank, options });
  }
  return beam
    .map((beginning): CtcSequence => {
      const { logProbability, score } = beginning;
      return { labels: labelsOf(beginning), logProbability, score: score + endShare(beginning, languageModel) };
    })
    .sort((a, b) => b.score - a.score);
}

interface Frame<State> {
  readonly logProbabilities: Float64Array;
  readonly blank: number;
  readonly options: CtcSearchOptions<State>;
}

function advanceFrame<State>(
  beam: readonly Beginning<State>[],
  { logProbabilities, blank, options }: Frame<State>,
): readonly Beginning<State>[] {
  const reached = new Set<Beginning<State>>();
  const blankLog = logProbabilities[blank] ?? IMPOSSIBLE;
  for (const beginning of beam) {
    reached.add(beginning);
    const total = beginning.logProbability;
    beginning.nextBlankLog = addLogs(beginning.nextBlankLog, total + blankLog);
    for (let label = 0; label < logProbabilities.length; label++) {
      const labelLog = logProbabilities[label] ?? IMPOSSIBLE;
      if (label === blank || labelLog === IMPOSSIBLE) continue;
      const repeats = label === beginning.label;
      if (repeats) beginning.nextLabelLog = addLogs(beginning.nextLabelLog, beginning.labelLog + labelLog);
      // The same label again is a second one only after a blank.
      const extended = (repeats ? beginning.blankLog : total) + labelLog;
      if (extended === IMPOSSIBLE) continue;
      const child = beginning.after.get(label) ?? createAfter(beginning, label, options);
      child.nextLabelLog = addLogs(child.nextLabelLog, extended);
      reached.add(child);
    }
  }
  const ranked = Array.from(reached, (beginning) => {
    [beginning.blankLog, beginning.labelLog] = [beginning.nextBlankLog, beginning.nextLabelLog];
    [beginning.nextBlankLog, beginning.nextLabelLog] = [IMPOSSIBLE, IMPOSSIBLE];
    beginning.inBeam = false;
    return { beginning, score: beginning.score };
  }).filter(({ score }) => score !== IMPOSSIBLE);
  ranked.sort((a, b) => b.score - a.score); // stable: equal ones stay in order
  const kept = ranked.slice(0, options.beams).map(({ beginning }) => beginning);
  for (const beginning of kept) beginning.inBeam = true;
  for (const beginning of reached) forget(beginning);
  return kept;
}

function createAfter<State>(
  before: Beginning<State>,
  label: number,
  { languageModel }: CtcSearchOptions<State>,
): Beginning<State> {
  let { context } = before;
  if (languageModel !== undefined && context !== null) {
    const { logProbability, state } = languageModel.model.advance(context.state, label);
    const bonus = context.bonus + shareOf(languageModel, logProbability) + (languageModel.labelBonus ?? 0);
    context = { state, bonus };
  }
  const after = new Beginning(label, before, context);
  before.after.set(label, after);
  return after;
}

function endShare<State>(
  { context }: Beginning<State>,
  languageModel: CtcSearchOptions<State>['languageModel'],
): number {
  if (languageModel?.model.end === undefined || context === null) return 0;
  return shareOf(languageModel, languageModel.model.end(context.state));
}

function shareOf({ weight }: { readonly weight: number }, logProbability: number): number {
  if (Number.isNaN(logProbability) || logProbability === Number.POSITIVE_INFINITY) {
    throw new AmaasError(
      'INVALID_DATA',
      `CTC beam search: the language model gave ${logProbability}, expected a logarithm of a probability`,
    );
  }
  return weight === 0 ? 0 : weight * logProbability; // 0 · −Infinity is no number
}

/** Lets go of what left the beam, unless something in the beam begins with it: then it may come back and must be the same. */
function forget<State>(beginning: Beginning<State>): void {
  let node: Beginning<State> = beginning;
  while (!node.inBeam && node.after.size === 0 && node.before !== null) {
    node.before.after.delete(node.label);
    node = node.before;
  }
}

function labelsOf<State>(beginning: Beginning<State>): readonly number[] {
  const labels: number[] = [];
  for (let node = beginning; node.before !== null; node = node.before) labels.push(node.label);
  return labels.reverse();
}

function checkOptions<State>({ beams, languageModel }: CtcSearchOptions<State>): void {
  if (!Number.isSafeInteger(beams) || beams < 1) {
    throw new AmaasError('INVALID_ARGUMENT', `CTC beam search: beams must be a whole number ≥ 1, got ${beams}`);
  }
  const { weight = 0, labelBonus = 0 } = languageModel ?? {};
  if (!(weight >= 0 && Number.isFinite(weight)) || !Number.isFinite(labelBonus)) {
    throw new AmaasError(
      'INVALID_ARGUMENT',
      `CTC beam search: expects a weight ≥ 0 and a finite labelBonus, got ${weight} and ${labelBonus}`,
    );
  }
}
