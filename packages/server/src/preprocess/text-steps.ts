// What one version's manifest declares about texts, done: strings become ids before the model, ids texts after it. What it
// may cost is decided before it begins; the work itself is the tokenizer threads'.
import {
  AmaasError,
  type Cancellation,
  type Clock,
  createTensor,
  elementCount,
  formatShape,
  type NamedTensors,
  type Tensor,
} from '@amaas/core';
import { join } from 'node:path';
import type { PreparedTexts, TextSteps, TextStepsProvider, TextSubject } from '../dataplane/index.ts';
import { planTexts, type TextPlan, type TokenPlan } from './text-plan.ts';
import { readTexts, type TextRows } from './text-rows.ts';
import { type EncodedInput, layOutTokens, MAX_IDS } from './token-tensors.ts';
import type { OpenTokenizer, TokenizerThreads } from './tokenizer-threads.ts';
import { Turnstile } from './turnstile.ts';

export interface TextStepsParts {
  readonly tokenizers: TokenizerThreads;
  readonly clock: Clock;
}

/** Bytes of an id, its place in a mask and a type id, at most. */
const BYTES_PER_TOKEN = 24;
/** Ids alive at once, in requests of the largest size. */
const REQUESTS_AT_ONCE = 4;
/** Requests that wait for room; as many as a model's own queue holds by default. */
const MAX_WAITING = 1024;
/** What a tokenizer.json may have; the largest known ones have 35 MB. */
const MAX_TOKENIZER_BYTES = 128 * 1024 * 1024;

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
      return new OpenTextSteps(subject.model, { inputs, outputs }, { clock: this.#parts.clock, memory: this.#memory });
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

interface OpenInput {
  readonly plan: TokenPlan;
  readonly tokenizer: OpenTokenizer;
  readonly padding: number;
}

interface OpenOutput {
  readonly plan: TextPlan;
  readonly tokenizer: OpenTokenizer;
  readonly endIds: readonly number[];
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

class OpenTextSteps implements TextSteps {
  readonly inputs: ReadonlySet<string>;
  readonly derivedInputs: ReadonlySet<string>;
  readonly outputs: ReadonlySet<string>;
  readonly greatestIds: ReadonlyMap<string, number>;
  readonly #model: string;
  readonly #inputs: readonly OpenInput[];
  readonly #outputs: readonly OpenOutput[];
  readonly #clock: Clock;
  readonly #memory: Turnstile;

  constructor(
    model: string,
    open: { readonly inputs: readonly OpenInput[]; readonly outputs: readonly OpenOutput[] },
    { clock, memory }: { readonly clock: Clock; readonly memory: Turnstile },
  ) {
    this.#model = model;
    this.#inputs = open.inputs;
    this.#outputs = open.outputs;
    this.#clock = clock;
    this.#memory = memory;
    this.inputs = new Set(open.inputs.map(({ plan }) => plan.ids.name));
    this.derivedInputs = new Set(open.inputs.flatMap(({ plan }) => derivedNames(plan)));
    this.outputs = new Set(open.outputs.map(({ plan }) => plan.output));
    this.greatestIds = new Map(
      open.inputs.map(({ plan, tokenizer, padding }) => [
        plan.ids.name,
        Math.max(tokenizer.facts.vocabularySize - 1, plan.length === 'exact' ? 0 : padding),
      ]),
    );
  }

  async prepare(inputs: NamedTensors, signal?: Cancellation): Promise<PreparedTexts> {
    const startedMs = this.#clock.nowMs();
    const { asked, others } = this.#readAll(inputs);
    const bytes = asked.reduce((sum, { rows, input }) => sum + rows.rows * input.plan.maxTokens * BYTES_PER_TOKEN, 0);
    const release = await this.#memory.acquire(bytes, signal);
    try {
      const encoded = await Promise.all(asked.map((one) => this.#encode(one, signal)));
      const parts = layOutTokens(this.#model, encoded, others);
      return { parts, elapsedMs: this.#clock.nowMs() - startedMs, release };
    } catch (thrown) {
      release();
      throw thrown;
    }
  }

  async finish(outputs: NamedTensors, signal?: Cancellation): Promise<NamedTensors> {
    const finished = new Map(outputs);
    for (const output of this.#outputs) {
      const tensor = outputs.get(output.plan.output);
      if (tensor !== undefined) finished.set(output.plan.output, await textsOf(output, tensor, signal));
    }
    return finished;
  }

  close(): void {
    for (const { tokenizer } of [...this.#inputs, ...this.#outputs]) tokenizer.close();
  }

  /** The texts among the inputs, and what goes on as it is. */
  #readAll(inputs: NamedTensors): { readonly asked: readonly AskedInput[]; readonly others: NamedTensors } {
    const others = new Map(inputs);
    const asked: AskedInput[] = [];
    for (const input of this.#inputs) {
      const { name } = input.plan.ids;
      const tensor = inputs.get(name);
      if (tensor?.dtype !== 'string') continue;
      for (const derived of derivedNames(input.plan)) {
        if (inputs.has(derived))
          throw new AmaasError(
            'INPUT_MISMATCH',
            `text: input "${derived}" of model "${this.#model}" is made from the texts for "${name}"; send it with ids only`,
            { details: { model: this.#model, input: derived } },
          );
      }
      others.delete(name);
      asked.push({ input, rows: readTexts(this.#model, input.plan, tensor) });
    }
    const [first] = asked;
    const other = asked.find(({ rows }) => rows.rows !== first?.rows.rows);
    if (first !== undefined && other !== undefined)
      throw new AmaasError(
        'INPUT_MISMATCH',
        `text: model "${this.#model}" gets ${first.rows.rows} texts for "${first.input.plan.ids.name}" and ${other.rows.rows} for "${other.input.plan.ids.name}"`,
      );
    return { asked, others };
  }

  async #encode({ input, rows }: AskedInput, signal: Cancellation | undefined): Promise<EncodedInput> {
    const { plan, tokenizer, padding } = input;
    const { pair, maxTokens, truncate, addSpecialTokens } = plan;
    const what = `input "${plan.ids.name}" of model "${this.#model}"`;
    const task = { texts: rows.texts, pair, maxTokens, truncate, addSpecialTokens, what };
    return { plan, padding, mayPad: plan.length === 'longest', encoded: await tokenizer.encode(task, signal) };
  }
}

interface AskedInput {
  readonly input: OpenInput;
  readonly rows: TextRows;
}

function derivedNames({ mask, typeIds }: TokenPlan): readonly string[] {
  return [mask, typeIds].flatMap((column) => (column === null ? [] : [column.name]));
}

/** The texts of ids `[…, T]`. */
async function textsOf(
  { plan, tokenizer, endIds }: OpenOutput,
  { dtype, shape, data }: Tensor,
  signal: Cancellation | undefined,
): Promise<Tensor> {
  const rowTokens = shape.at(-1);
  if (rowTokens === undefined || (dtype !== 'int32' && dtype !== 'int64')) {
    throw new AmaasError(
      'INTERNAL',
      `text: output "${plan.output}" was declared as ids, the model gave ${dtype} ${formatShape(shape)}`,
    );
  }
  const kept = shape.slice(0, -1);
  const task = {
    ids: data.slice(), // a view into a batch would take the whole of it to the thread
    rowTokens,
    rows: elementCount(kept),
    skipSpecialTokens: plan.skipSpecialTokens,
    endIds,
  };
  const texts = await tokenizer.decode(task, signal);
  const utf8 = new TextEncoder();
  return createTensor(
    'string',
    kept,
    texts.map((text) => utf8.encode(text)),
  );
}

function invalid(message: string): AmaasError {
  return new AmaasError('INVALID_CONFIG', message);
}
