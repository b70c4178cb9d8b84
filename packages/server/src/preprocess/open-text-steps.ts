// The text steps of one version: strings become ids before the model, ids texts after it. What that may cost is decided
// before it begins; the work itself is the tokenizer threads'.
import {
  AmaasError,
  type Cancellation,
  type Clock,
  createTensor,
  elementCount,
  formatShape,
  type NamedTensors,
  type Tensor,
  type TensorSpec,
} from '@amaas/core';
import type { PreparedTexts, RunModel, TextSteps, TextSubject } from '../dataplane/index.ts';
import { MADE_UP_TEXTS, madeUpOthers } from './made-up-texts.ts';
import { whyNotPadded } from './padding-proof.ts';
import type { TextPlan, TokenPlan } from './text-plan.ts';
import { readTexts, type TextRows } from './text-rows.ts';
import { type EncodedInput, layOutTokens } from './token-tensors.ts';
import type { OpenTokenizer } from './tokenizer-threads.ts';
import type { Turnstile } from './turnstile.ts';

/** Bytes of an id, its place in a mask and a type id, at most. */
export const BYTES_PER_TOKEN = 24;

export interface OpenInput {
  readonly plan: TokenPlan;
  readonly tokenizer: OpenTokenizer;
  readonly padding: number;
}

export interface OpenOutput {
  readonly plan: TextPlan;
  readonly tokenizer: OpenTokenizer;
  readonly endIds: readonly number[];
}

/** The steps of one version, its tokenizers open. */
export class OpenTextSteps implements TextSteps {
  readonly inputs: ReadonlySet<string>;
  readonly derivedInputs: ReadonlySet<string>;
  readonly outputs: ReadonlySet<string>;
  readonly greatestIds: ReadonlyMap<string, number>;
  readonly #model: string;
  readonly #specs: readonly TensorSpec[];
  readonly #inputs: readonly OpenInput[];
  readonly #outputs: readonly OpenOutput[];
  readonly #clock: Clock;
  readonly #memory: Turnstile;
  /** Why rows are not filled up where the manifest would; null as long as they are. */
  #whyNotPadded: string | null = null;

  constructor(
    { model, signature }: TextSubject,
    open: { readonly inputs: readonly OpenInput[]; readonly outputs: readonly OpenOutput[] },
    { clock, memory }: { readonly clock: Clock; readonly memory: Turnstile },
  ) {
    this.#model = model;
    this.#specs = signature.inputs;
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
    const bytes = asked.reduce((sum, one) => sum + estimateTokens(one) * BYTES_PER_TOKEN, 0);
    const release = await this.#memory.acquire(bytes, signal);
    try {
      const encoded = await Promise.all(asked.map((one) => this.#encode(one, signal)));
      const mayPad = this.#whyNotPadded === null;
      const parts = layOutTokens(this.#model, mayPad ? encoded : encoded.map(unpadded), others);
      return { parts, elapsedMs: this.#clock.nowMs() - startedMs, release };
    } catch (thrown) {
      release();
      throw thrown;
    }
  }

  get paddingOff(): string | null {
    return this.#whyNotPadded;
  }

  async provePadding(run: RunModel): Promise<void> {
    if (this.#inputs.every(({ plan }) => plan.length !== 'longest')) return;
    try {
      const asked = this.#inputs.map(madeUpTexts);
      const encoded = await Promise.all(asked.map((one) => this.#encode(one, undefined)));
      const others = madeUpOthers(this.#specs, new Set([...this.inputs, ...this.derivedInputs]));
      const [filled] = layOutTokens(this.#model, encoded, others);
      const apart = layOutTokens(this.#model, encoded.map(unpadded), others);
      this.#whyNotPadded = await whyNotPadded(run, { apart, filled: filled?.inputs ?? others });
    } catch (thrown) {
      this.#whyNotPadded = thrown instanceof Error ? thrown.message : String(thrown);
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

function unpadded(input: EncodedInput): EncodedInput {
  return { ...input, mayPad: false };
}

interface AskedInput {
  readonly input: OpenInput;
  readonly rows: TextRows;
}

/** Special tokens of a row, at most about. */
const SPECIAL_TOKENS = 8;

/** About how many ids the rows become: tokenizers hardly make more tokens than there are bytes. */
function estimateTokens({ input: { plan }, rows: { rows, rowBytes } }: AskedInput): number {
  return rows * (plan.rowTokens ?? Math.min(plan.maxTokens, rowBytes + SPECIAL_TOKENS));
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

/** Texts of several lengths; what is too long for the model is cut off here, whatever the manifest says. */
function madeUpTexts(input: OpenInput): AskedInput {
  const texts = MADE_UP_TEXTS.flatMap((text) => (input.plan.pair ? [text, text] : [text]));
  const cut = { ...input, plan: { ...input.plan, truncate: 'end' as const } };
  return { input: cut, rows: { texts, rows: MADE_UP_TEXTS.length, rowBytes: 0 } };
}
