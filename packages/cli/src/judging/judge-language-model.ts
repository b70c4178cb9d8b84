// How good a language model in a GGUF file is: how well it predicts a text, which of several continuations it prefers, what it
// writes, and how quick and large it is. It is loaded here, by itself.
import { readFile, stat } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { AmaasError, type LanguageModel, type LanguageModelFile } from '@amaas/core';
import {
  type ChoiceQuestion,
  type ChoiceScores,
  computeChoiceScores,
  computeLikelihoodScores,
  estimateLikelihoodIntervals,
  type LikelihoodScores,
  measureTextLikelihood,
  parseChoiceQuestions,
} from '@amaas/learn/evaluate';
import { createRandom, type Interval } from '@amaas/learn/statistics';
import { importInstalled } from '../training/open-source.ts';
import { rethrowAt } from './failing-place.ts';

export interface JudgingOptions {
  readonly signal: AbortSignal;
  readonly onProgress: (text: string) => void;
  /** Texts that it writes, and behind what. */
  readonly samples: number;
  readonly prompt: string;
}

/** What is asked of every model alike. */
export type JudgingData =
  | { readonly kind: 'text'; readonly name: string; readonly text: string }
  | {
      readonly kind: 'choices';
      readonly name: string;
      readonly questions: readonly ChoiceQuestion[];
      /** Where in the file each question stands, from 1. */
      readonly lines: readonly number[];
    };

export interface TextJudgement extends LikelihoodScores {
  readonly kind: 'text';
  readonly tokens: number;
  readonly perplexityInterval: Interval | null;
}

export interface ChoiceJudgement extends ChoiceScores {
  readonly kind: 'choices';
}

export interface Judgement {
  /** The file as it was given. */
  readonly name: string;
  readonly file: Pick<LanguageModelFile, 'architecture' | 'quantization' | 'parameters' | 'fileBytes'>;
  readonly memoryBytes: number | null;
  readonly promptTokensPerSecond: number | null;
  readonly generatedTokensPerSecond: number | null;
  readonly scores: TextJudgement | ChoiceJudgement;
  readonly samples: readonly string[];
}

/** Tokens of a window, as the usual tables of perplexities have them. */
const WINDOW_TOKENS = 512;
const SAMPLE_TOKENS = 100;
const SAMPLE_TEMPERATURE = 0.8;
const RESAMPLES = 1000;
const MAX_LOAD_MS = 600_000;
const MAX_MEMORY_BYTES = Number.MAX_SAFE_INTEGER; // the machine is the user's own

/** Whether an argument names a language model in a file. */
export function isLanguageModelFile(path: string): boolean {
  return extname(path).toLowerCase() === '.gguf';
}

/** A text, or questions where the file is called `.jsonl`. @throws INVALID_DATA naming the file and the line */
export async function readJudgingData(path: string): Promise<JudgingData> {
  const name = basename(path);
  const text = await readFile(path, 'utf8');
  if (/\.(jsonl|ndjson)$/i.test(name)) {
    try {
      const lines = text.split('\n').flatMap((line, index) => (line.trim() === '' ? [] : [index + 1]));
      return { kind: 'choices', name, questions: parseChoiceQuestions(text), lines };
    } catch (thrown) {
      rethrowAt(name, thrown);
    }
  }
  if (text === '') throw new AmaasError('INVALID_DATA', `eval: ${name} is empty`);
  return { kind: 'text', name, text };
}

/** @throws INVALID_MODEL, MEMORY_LIMIT, ENGINE_MISSING as loading does; CANCELLED */
export async function judgeLanguageModel(
  model: { readonly name: string; readonly path: string },
  data: JudgingData,
  options: JudgingOptions,
): Promise<Judgement> {
  if ((await stat(model.path).catch(() => null)) === null) {
    throw new AmaasError('INVALID_MODEL', `eval: there is no file ${model.name}`);
  }
  const { LlamaEngine } = await importInstalled(() => import('@amaas/engine-llama'));
  const engine = new LlamaEngine();
  options.onProgress(`loads ${model.name}`);
  const { signal } = options;
  try {
    const file = await engine.inspect(model.path);
    const contextTokens = Math.min(file.trainedContextTokens || WINDOW_TOKENS, 2 * WINDOW_TOKENS);
    const loaded = await engine.load(
      { label: basename(model.path), modelPath: model.path },
      {
        ...{ contextTokens, parallel: 1, signal },
        ...{ maxMemoryBytes: MAX_MEMORY_BYTES, maxLoadMs: MAX_LOAD_MS, maxQueueSize: 1 },
      },
    );
    const { threads } = loaded.facts;
    const speedOf = (count: number) => threads.measured.find((each) => each.threads === count);
    const scores =
      data.kind === 'text' ? await judgeText(loaded, file, data, options) : await judgeChoices(loaded, data, options);
    return {
      name: model.name,
      file,
      scores,
      samples: await writeSamples(loaded, options),
      memoryBytes: loaded.measureMemoryBytes(),
      promptTokensPerSecond: speedOf(threads.prompt)?.promptTokensPerSecond ?? null,
      generatedTokensPerSecond: speedOf(threads.generation)?.generatedTokensPerSecond ?? null,
    };
  } finally {
    await engine.dispose();
  }
}

export async function judgeText(
  model: LanguageModel,
  { beginsTexts }: Pick<LanguageModelFile, 'beginsTexts'>,
  { name, text }: Extract<JudgingData, { kind: 'text' }>,
  { signal, onProgress }: Pick<JudgingOptions, 'signal' | 'onProgress'>,
): Promise<TextJudgement> {
  const tokens = await model.tokenize([{ text, special: false }]);
  const beganMs = performance.now();
  let done = beginsTexts ? 0 : 1;
  const score = async (prefix: readonly number[], wanted: readonly number[]): Promise<readonly number[]> => {
    const scores = await model.score([{ tokens: prefix }], [{ tokens: wanted }], signal);
    done += wanted.length;
    return scores;
  };
  /** Where the window begins that failed; nothing where the model does not answer any more. */
  const place = async (): Promise<string> => {
    const before = await model.detokenize(tokens.slice(0, done)).catch(() => null);
    return before === null ? name : `${name}, line ${before.split('\n').length}`;
  };
  const rows = await measureTextLikelihood(score, tokens, {
    windowTokens: Math.min(WINDOW_TOKENS, model.facts.contextTokens - 1),
    beginsTexts,
    onProgress(done, total) {
      const perSecond = done / ((performance.now() - beganMs) / 1000);
      onProgress(
        `predicts ${done.toLocaleString('en-US')} of ${total.toLocaleString('en-US')} tokens, ${Math.round(perSecond)} a second`,
      );
    },
  }).catch(async (thrown: unknown) => rethrowAt(await place(), thrown));
  const total = Array.from(rows.logLikelihoods).reduce((sum, each) => sum + each, 0);
  const count = Array.from(rows.tokens).reduce((sum, each) => sum + each, 0);
  const bytes = new TextEncoder().encode(text).length;
  const scores = computeLikelihoodScores({
    logLikelihoods: [total],
    tokens: [count],
    bytes: [bytes],
    characters: [[...text].length],
  });
  const intervals = estimateLikelihoodIntervals(rows, { random: createRandom(0), resamples: RESAMPLES });
  return { kind: 'text', ...scores, tokens: count, perplexityInterval: intervals.perplexity };
}

export async function judgeChoices(
  model: LanguageModel,
  { name, questions, lines }: Extract<JudgingData, { kind: 'choices' }>,
  { signal, onProgress }: Pick<JudgingOptions, 'signal' | 'onProgress'>,
): Promise<ChoiceJudgement> {
  const logLikelihoods: number[][] = [];
  for (const [index, { prompt, choices }] of questions.entries()) {
    onProgress(`answers question ${index + 1} of ${questions.length}`);
    const scores: number[] = [];
    for (const [at, choice] of choices.entries()) {
      const each = await model
        .score([{ text: prompt, special: false }], [{ text: choice, special: false }], signal)
        .catch((thrown: unknown) => rethrowAt(`${name}, line ${lines[index] ?? 0}, choice ${at}`, thrown));
      scores.push(each.reduce((sum, one) => sum + one, 0));
    }
    logLikelihoods.push(scores);
  }
  return { kind: 'choices', ...computeChoiceScores(questions, logLikelihoods) };
}

async function writeSamples(model: LanguageModel, { samples, prompt, signal, onProgress }: JudgingOptions) {
  const texts: string[] = [];
  for (let seed = 1; seed <= samples; seed++) {
    onProgress(`writes sample ${seed} of ${samples}`);
    let text = prompt;
    const room = model.facts.contextTokens - (await model.tokenize([{ text: prompt, special: false }])).length - 1;
    const events = model.generate(
      {
        prompt: [{ text: prompt, special: false }],
        maxTokens: Math.min(SAMPLE_TOKENS, room),
        sampling: { temperature: SAMPLE_TEMPERATURE, seed },
      },
      signal,
    );
    for await (const event of events) if (event.type === 'text') text += event.text;
    texts.push(text);
  }
  return texts;
}
