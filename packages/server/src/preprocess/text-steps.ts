// Opens what one version's manifest declares about texts: plans held against the model, tokenizers read.
import { join } from 'node:path';
import { AmaasError, type Clock } from '@amaas/core';
import type { TextSteps, TextStepsProvider, TextSubject } from '../dataplane/index.ts';
import { BYTES_PER_TOKEN, type OpenInput, type OpenOutput, OpenTextSteps } from './open-text-steps.ts';
import { planTexts, type TextPlan, type TokenPlan } from './text-plan.ts';
import { MAX_IDS } from './token-tensors.ts';
import type { OpenTokenizer, TokenizerThreads } from './tokenizer-threads.ts';
import { Turnstile } from './turnstile.ts';

export interface TextStepsParts {
  readonly tokenizers: TokenizerThreads;
  readonly clock: Clock;
}

/** Ids alive at once, in requests of the largest size. */
const REQUESTS_AT_ONCE = 4;
/** Requests that wait for room; as many as a model's own queue holds by default. */
const MAX_WAITING = 1024;
/** What a tokenizer.json may have; the largest known ones have 35 MB. */
const MAX_TOKENIZER_BYTES = 64 * 1024 * 1024;

/** Opens text steps over shared tokenizers and one bound on memory. */
export class ManifestTexts implements TextStepsProvider {
  readonly #parts: TextStepsParts;
  readonly #memory = new Turnstile({
    what: 'text',
    capacity: MAX_IDS * BYTES_PER_TOKEN * REQUESTS_AT_ONCE,
    maxWaiting: MAX_WAITING,
  });

  constructor(parts: TextStepsParts) {
    this.#parts = parts;
  }

  async open(subject: TextSubject): Promise<TextSteps | null> {
    const plans = planTexts(subject.manifest, subject.signature);
    if (plans === null) return null;
    const opened: OpenTokenizer[] = [];
    try {
      const inputs: OpenInput[] = [];
      for (const plan of plans.inputs) {
        const at = `manifest: preprocess.${JSON.stringify(plan.ids.name)}`;
        const tokenizer = await this.#openFile(subject, at, plan.tokenizer);
        opened.push(tokenizer);
        inputs.push({ plan, tokenizer, padding: decidePadding(at, plan, tokenizer) });
      }
      const outputs: OpenOutput[] = [];
      for (const plan of plans.outputs) {
        const at = `manifest: postprocess.${JSON.stringify(plan.output)}`;
        const tokenizer = await this.#openFile(subject, at, plan.tokenizer);
        opened.push(tokenizer);
        outputs.push({ plan, tokenizer, endIds: await lookUpEnds(at, plan, tokenizer) });
      }
      return new OpenTextSteps(subject, { inputs, outputs }, { clock: this.#parts.clock, memory: this.#memory });
    } catch (thrown) {
      for (const tokenizer of opened) tokenizer.close();
      throw thrown;
    }
  }

  async #openFile(subject: TextSubject, at: string, path: string): Promise<OpenTokenizer> {
    const file = subject.files.find((candidate) => candidate.path === path);
    if (file === undefined)
      throw invalid(`${at}.tokenizer names the file ${JSON.stringify(path)}, which is not beside the model`);
    if (file.sizeBytes > MAX_TOKENIZER_BYTES)
      throw invalid(`${at}.tokenizer: ${path} has ${file.sizeBytes} bytes; at most ${MAX_TOKENIZER_BYTES} are read`);
    try {
      return await this.#parts.tokenizers.open({ key: file.digest, path: join(subject.directory, path) });
    } catch (thrown) {
      if (!(thrown instanceof AmaasError && thrown.reason === 'INVALID_MODEL')) throw thrown;
      throw new AmaasError('INVALID_CONFIG', `${at}.tokenizer: ${path} cannot be read: ${thrown.message}`, {
        cause: thrown,
      });
    }
  }
}

/** @throws INVALID_CONFIG where rows need filling up and nothing says with what, or no token of a text has room. */
function decidePadding(at: string, plan: TokenPlan, { facts }: OpenTokenizer): number {
  const around = plan.addSpecialTokens ? facts.specialTokens[plan.pair ? 'pair' : 'single'] : 0;
  if (plan.maxTokens < around + (plan.pair ? 2 : 1))
    throw invalid(`${at}.maxTokens is ${plan.maxTokens}, which leaves no room beside ${around} special tokens`);
  const padding = plan.padding ?? facts.padding;
  if (padding !== null) return padding;
  if (plan.length === 'exact') return 0; // nothing is filled up
  throw invalid(`${at} needs padding, the id that rows are filled up with: ${plan.tokenizer} says none`);
}

async function lookUpEnds(at: string, { endTokens, tokenizer: path }: TextPlan, tokenizer: OpenTokenizer) {
  const ids = endTokens.length === 0 ? [] : await tokenizer.idsOf(endTokens);
  return ids.map((id, index) => {
    if (id === null) throw invalid(`${at}.endTokens: ${path} has no token ${JSON.stringify(endTokens[index])}`);
    return id;
  });
}

function invalid(message: string): AmaasError {
  return new AmaasError('INVALID_CONFIG', message);
}
