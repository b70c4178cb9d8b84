// How likely a language model thinks a text longer than what it sees at once, and which of several continuations it prefers.
// The model is a function: token ids in, log-probabilities out.
import { AmaasError } from '@amaas/core';
import { type Interval, wilsonInterval } from '../../statistics/index.ts';
import type { LikelihoodRows } from './perplexity.ts';

/** Natural logarithms of the probabilities of `tokens`, one each, behind `prefix` and what begins every text. */
export type ScoreTokens = (prefix: readonly number[], tokens: readonly number[]) => Promise<readonly number[]>;

export interface WindowOptions {
  /** Tokens the model sees at once, ≥ 2, what begins a text not counted. */
  readonly windowTokens: number;
  /** Whether something begins every text, so that its first token can be predicted, too. */
  readonly beginsTexts: boolean;
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * Predicts a text token by token in overlapping windows: each predicts half a window behind at least half a window of what
 * came before, the first one all it has. One row per window.
 * @throws INVALID_DATA for a text without a token to predict
 */
export async function measureTextLikelihood(
  score: ScoreTokens,
  tokens: readonly number[],
  { windowTokens, beginsTexts, onProgress }: WindowOptions,
): Promise<Pick<LikelihoodRows, 'logLikelihoods' | 'tokens'>> {
  const first = beginsTexts ? 0 : 1;
  if (tokens.length <= first) {
    throw new AmaasError('INVALID_DATA', `likelihood of a text: it has ${tokens.length} tokens, and none to predict`);
  }
  const logLikelihoods: number[] = [];
  const counts: number[] = [];
  const half = Math.floor(windowTokens / 2);
  for (let from = first; from < tokens.length; ) {
    const to = Math.min(tokens.length, from === first ? windowTokens : from + half);
    const prefix = tokens.slice(Math.max(0, to - windowTokens), from);
    const scores = await score(prefix, tokens.slice(from, to));
    logLikelihoods.push(scores.reduce((sum, each) => sum + each, 0));
    counts.push(to - from);
    onProgress?.(to, tokens.length);
    from = to;
  }
  return { logLikelihoods, tokens: counts };
}

/** A question with its possible continuations. */
export interface ChoiceQuestion {
  readonly prompt: string;
  readonly choices: readonly string[];
  /** Index of the right one. */
  readonly answer: number;
}

/**
 * Reads questions, one JSON object per line: `{"prompt": "…", "choices": ["…", …], "answer": 0}`.
 * @throws INVALID_DATA naming the line, what was expected and what came
 */
export function parseChoiceQuestions(text: string): readonly ChoiceQuestion[] {
  const questions = text
    .split('\n')
    .flatMap((line, index) => (line.trim() === '' ? [] : [readQuestion(line, index + 1)]));
  if (questions.length === 0) throw new AmaasError('INVALID_DATA', 'questions: the file has none');
  return questions;
}

function readQuestion(line: string, number: number): ChoiceQuestion {
  const refuse = (problem: string): AmaasError =>
    new AmaasError('INVALID_DATA', `questions, line ${number}: ${problem}`);
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw refuse('it is no JSON');
  }
  const fields = new Map(Object.entries(typeof value === 'object' && value !== null ? value : {}));
  const [prompt, choices, answer] = [fields.get('prompt'), fields.get('choices'), fields.get('answer')];
  if (typeof prompt !== 'string') throw refuse('"prompt" must be a text');
  if (
    !Array.isArray(choices) ||
    choices.length < 2 ||
    !choices.every((each) => typeof each === 'string' && each !== '')
  ) {
    throw refuse('"choices" must be a list of at least two texts, none empty');
  }
  if (typeof answer !== 'number' || !Number.isInteger(answer) || answer < 0 || answer >= choices.length) {
    throw refuse(`"answer" must be a whole number from 0 to ${choices.length - 1}, the index of the right choice`);
  }
  return { prompt, choices, answer };
}

export interface ChoiceScores {
  readonly questions: number;
  /** Share of questions whose right choice is the likeliest. */
  readonly accuracy: number;
  readonly interval: Interval;
  /** The same by likelihood per byte, which does not favour short choices. */
  readonly accuracyPerByte: number;
  readonly intervalPerByte: Interval;
  /** What guessing would reach. */
  readonly chance: number;
}

/**
 * How often the right choice is preferred.
 * @param logLikelihoods - of every choice of every question
 */
export function computeChoiceScores(
  questions: readonly ChoiceQuestion[],
  logLikelihoods: readonly (readonly number[])[],
): ChoiceScores {
  const right = (scale: (choice: string) => number): number =>
    questions.filter(({ choices, answer }, index) => {
      const scores = choices.map(
        (choice, at) => (logLikelihoods[index]?.[at] ?? Number.NEGATIVE_INFINITY) / scale(choice),
      );
      return scores.indexOf(Math.max(...scores)) === answer;
    }).length;
  const n = questions.length;
  const plain = right(() => 1);
  const perByte = right((choice) => new TextEncoder().encode(choice).length);
  return {
    questions: n,
    accuracy: plain / n,
    interval: wilsonInterval(plain, n),
    accuracyPerByte: perByte / n,
    intervalPerByte: wilsonInterval(perByte, n),
    chance: questions.reduce((sum, { choices }) => sum + 1 / choices.length, 0) / n,
  };
}
