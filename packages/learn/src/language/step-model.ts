// A decoder exported step by step as the sequence model that decoding works on: prompts in, one step of a batch, rows chosen,
// put in order and joined. States stay tensors as the runtime gave them. Knows no tokenizer and no way of choosing tokens.
import {
  AmaasError,
  type CompiledModel,
  type CompileOptions,
  type Executor,
  type NamedTensors,
  type Tensor,
} from '@amaas/core';
import type { DecodingStart, DecodingStep, SequenceModel } from '../decode/index.ts';
import { NO_TOKEN } from '../layers/index.ts';
import { readStepDescription, type StepDescription } from './step-description.ts';
import { IDS_INPUT, LOGITS_OUTPUT, type StepModelFiles } from './step-export.ts';
import { UNIFORMS_INPUT } from './generation-sampling.ts';
import { MOST_INPUT } from './writer-export.ts';
import { arrangeRows, beginStates, type RowOf, type StepStates } from './step-states.ts';

/** Compiles the models of an {@link exportStepModel}. The caller disposes of it. @throws INVALID_MODEL and what compiling throws */
export async function createStepModel(
  executor: Executor,
  files: StepModelFiles,
  options?: CompileOptions,
): Promise<StepModel> {
  const description = readStepDescription(files.step);
  if (description.kind !== 'step') {
    throw new AmaasError(
      'INVALID_MODEL',
      `step model: expected the model of a step, got that of a ${description.kind}`,
    );
  }
  const compiled: CompiledModel[] = [];
  const compile = async (model: Uint8Array | null): Promise<CompiledModel | null> => {
    if (model === null) return null;
    const one = await executor.compile(model, options);
    compiled.push(one);
    return one;
  };
  try {
    const step = await executor.compile(files.step, options);
    compiled.push(step);
    const [start, prompt] = [await compile(files.start), await compile(files.prompt)];
    return new StepModel(description, { step, start, prompt, write: await compile(files.write ?? null) });
  } catch (error) {
    for (const one of compiled) await one.dispose();
    throw error;
  }
}

interface CompiledSteps {
  readonly start: CompiledModel | null;
  readonly step: CompiledModel;
  readonly prompt: CompiledModel | null;
  readonly write: CompiledModel | null;
}

export interface WritingOptions {
  /** Tokens at most, ≥ 1, the end token included. */
  readonly most: number;
  /** [rows · most]: what tokens are drawn by, each in [0, 1); for writers that draw. */
  readonly uniforms?: Float32Array;
}

/** What was written for each row. */
export interface WrittenTokens {
  /** Without end tokens. */
  readonly tokens: readonly (readonly number[])[];
  readonly ended: readonly boolean[];
  /** Sums of the logarithms of the model's own probabilities. */
  readonly logProbabilities: readonly number[];
  /** With all tokens but the last taken in. */
  readonly state: StepStates;
}

interface StepRun {
  /** [rows, time] */
  readonly ids: ArrayLike<number>;
  readonly time: number;
  readonly states: StepStates;
  /** Further inputs. */
  readonly given?: NamedTensors;
}

/** What `generateSequences` and `searchBeams` run on. Steps may be taken from the same states again: nothing is overwritten. */
export class StepModel implements SequenceModel<StepStates> {
  readonly vocabularySize: number;
  /** Most ids a row may have, where there is a limit. */
  readonly mostIds: number | null;
  readonly #description: StepDescription;
  readonly #models: CompiledSteps;

  constructor(description: StepDescription, models: CompiledSteps) {
    this.vocabularySize = description.vocabularySize;
    this.mostIds = description.mostIds ?? null;
    this.#description = description;
    this.#models = models;
  }

  /**
   * Takes prompts in, all of them in one run where the decoder takes chunks.
   * @param prompts - ids per row, at least one: what the text goes on from. They may differ in length
   * @param states - what came before them; default: nothing
   * @throws INVALID_ARGUMENT for empty prompts, more ids than there is room for, or another number of rows
   */
  async prompt(
    prompts: readonly (readonly number[])[],
    states: StepStates = this.begin(prompts.length),
  ): Promise<DecodingStart<StepStates>> {
    if (prompts.length !== states.rows || prompts.some((prompt) => prompt.length === 0)) {
      throw new AmaasError(
        'INVALID_ARGUMENT',
        `prompt: expects a prompt of at least one id for each of ${states.rows} rows, got lengths ${prompts.map(({ length }) => length).join(', ')}`,
      );
    }
    const before = prompts.map((prompt) => prompt.slice(0, -1));
    return {
      tokens: Int32Array.from(prompts, (prompt) => prompt.at(-1) ?? 0),
      state: await this.#take(before, states),
    };
  }

  /** States of rows that have nothing before them. @throws INVALID_ARGUMENT for decoders that need a start */
  begin(rows: number): StepStates {
    return beginStates(this.#description.states, rows);
  }

  /**
   * States of rows that begin from something, such as sources.
   * @param inputs - of the start's model, rows first
   * @throws INVALID_ARGUMENT for decoders that start with nothing; what running throws
   */
  async start(inputs: NamedTensors): Promise<StepStates> {
    const [first] = inputs.values();
    if (this.#models.start === null || first === undefined) {
      throw new AmaasError('INVALID_ARGUMENT', 'start: the decoder starts with nothing');
    }
    const outputs = await this.#models.start.run(inputs);
    return beginStates(this.#description.states, first.shape[0] ?? 0, this.#statesFrom(outputs));
  }

  /** @throws INVALID_ARGUMENT when a row has no room for another id, INVALID_MODEL for logits that are none */
  async step(tokens: Int32Array, state: StepStates): Promise<DecodingStep<StepStates>> {
    const lengths = this.#lengthsAfter(
      state,
      Array.from(tokens, () => 1),
    );
    const outputs = await this.#run(this.#models.step, { ids: tokens, time: 1, states: state });
    const logits = outputs.get(LOGITS_OUTPUT);
    if (logits?.dtype !== 'float32' && logits?.dtype !== 'float64') {
      throw new AmaasError(
        'INVALID_MODEL',
        `step: expects logits of float32 or float64, got ${logits?.dtype ?? 'none'}`,
      );
    }
    return { logits: logits.data, state: this.#after(state, outputs, lengths) };
  }

  /** Whether there is a model for {@link write}. */
  get canWrite(): boolean {
    return this.#models.write !== null;
  }

  /**
   * Several steps in one run, tokens chosen by the model: those of an {@link exportWriter}.
   * @throws INVALID_ARGUMENT without such a model, or when a row has no room; INPUT_MISMATCH for uniforms that are missing
   */
  async write(
    { tokens, state }: DecodingStart<StepStates>,
    { most, uniforms }: WritingOptions,
  ): Promise<WrittenTokens> {
    const model = this.#models.write;
    if (model === null) throw new AmaasError('INVALID_ARGUMENT', 'write: the decoder has no model that writes');
    if (!Number.isSafeInteger(most) || most < 1) {
      throw new AmaasError('INVALID_ARGUMENT', `write: most must be a whole number ≥ 1, got ${most}`);
    }
    this.#lengthsAfter(
      state,
      Array.from(tokens, () => most),
    );
    const given = new Map<string, Tensor>([
      [MOST_INPUT, { dtype: 'int64', shape: [], data: BigInt64Array.of(BigInt(most)) }],
    ]);
    if (uniforms !== undefined) {
      given.set(UNIFORMS_INPUT, { dtype: 'float32', shape: [state.rows, most], data: uniforms });
    }
    const outputs = await this.#run(model, { ids: tokens, time: 1, states: state, given });
    const numbers = (name: string): readonly number[] => Array.from(outputs.get(name)?.data ?? [], Number);
    const [all, lengths, ended] = [numbers('tokens'), numbers('lengths'), numbers('ended').map((each) => each === 1)];
    const time = outputs.get('tokens')?.shape[1] ?? 0;
    const taken = state.lengths.map((before, row) => before + Math.min(time, (lengths[row] ?? 0) + 1));
    return {
      tokens: lengths.map((length, row) => all.slice(row * time, row * time + length)),
      ended,
      logProbabilities: numbers('log probabilities'),
      state: this.#after(state, outputs, taken),
    };
  }

  /** Rows of one state; those whose past is longest begin with it. */
  selectRows(state: StepStates, rows: Int32Array): StepStates {
    return this.joinRows(Array.from(rows, (row) => ({ states: state, row })));
  }

  /** Rows of different states as one batch, whatever their lengths: how a server lets rows come and go. */
  joinRows(rows: readonly RowOf[]): StepStates {
    return arrangeRows(this.#description.states, rows);
  }

  async dispose(): Promise<void> {
    for (const model of Object.values(this.#models)) await model?.dispose();
  }

  async #take(ids: readonly (readonly number[])[], states: StepStates): Promise<StepStates> {
    const time = Math.max(...ids.map(({ length }) => length));
    if (time === 0) return states;
    const { prompt, step } = this.#models;
    const lengths = this.#lengthsAfter(
      states,
      ids.map(({ length }) => length),
    );
    if (!this.#description.takesChunks) return this.#takeEach(ids, states);
    const padded = ids.map((row) => [...new Array<number>(time - row.length).fill(NO_TOKEN), ...row]);
    if (prompt !== null) {
      const outputs = await this.#run(prompt, { ids: padded.flat(), time, states }, this.#changedNames());
      return this.#after(states, outputs, lengths);
    }
    let current = states;
    for (let at = 0; at < time; at++) {
      const outputs = await this.#run(step, {
        ids: padded.map((row) => row[at] ?? NO_TOKEN),
        time: 1,
        states: current,
      });
      current = this.#after(current, outputs, lengths);
    }
    return current;
  }

  /** One id at a time; rows that have none left wait outside. */
  async #takeEach(ids: readonly (readonly number[])[], states: StepStates): Promise<StepStates> {
    const reached: RowOf[] = ids.map((_, row) => ({ states, row }));
    let live = [...ids.keys()].filter((row) => ids[row]?.length !== 0);
    let current = live.length === ids.length ? states : this.selectRows(states, Int32Array.from(live));
    for (let at = 0; live.length > 0; at++) {
      const newest = live.map((row) => ids[row]?.[at] ?? NO_TOKEN);
      const lengths = current.lengths.map((length) => length + 1);
      const outputs = await this.#run(this.#models.step, { ids: newest, time: 1, states: current });
      current = this.#after(current, outputs, lengths);
      for (const [row, index] of live.entries()) reached[index] = { states: current, row };
      const kept = [...live.keys()].filter((row) => (ids[live[row] ?? 0]?.length ?? 0) > at + 1);
      if (kept.length === live.length) continue;
      if (kept.length > 0) current = this.selectRows(current, Int32Array.from(kept));
      live = kept.map((row) => live[row] ?? 0);
    }
    return this.joinRows(reached);
  }

  async #run(
    model: CompiledModel,
    { ids, time, states, given = new Map() }: StepRun,
    outputs?: readonly string[],
  ): Promise<NamedTensors> {
    const data = BigInt64Array.from({ length: ids.length }, (_, index) => BigInt(ids[index] ?? 0));
    const feeds = new Map<string, Tensor>([
      ...given,
      [IDS_INPUT, { dtype: 'int64', shape: [states.rows, time], data }],
    ]);
    for (const { name, input } of this.#description.states) {
      const tensor = states.tensors.get(name);
      if (tensor !== undefined) feeds.set(input, tensor);
    }
    return model.run(feeds, outputs);
  }

  #changedNames(): readonly string[] {
    return this.#description.states.flatMap(({ isChanged, output }) => (isChanged && output !== null ? [output] : []));
  }

  /** @throws INVALID_ARGUMENT when a row has no room for so many */
  #lengthsAfter({ lengths }: StepStates, counts: readonly number[]): Int32Array {
    const after = lengths.map((length, row) => length + (counts[row] ?? 0));
    const most = this.mostIds;
    const row = after.findIndex((length) => most !== null && length > most);
    if (row === -1) return after;
    throw new AmaasError('INVALID_ARGUMENT', `step: row ${row} expects at most ${most} ids, got ${after[row]}`);
  }

  #after({ rows, tensors, origins }: StepStates, outputs: NamedTensors, lengths: Int32Array): StepStates {
    return { rows, origins, lengths, tensors: new Map([...tensors, ...this.#statesFrom(outputs)]) };
  }

  #statesFrom(outputs: NamedTensors): ReadonlyMap<string, Tensor> {
    const found = new Map<string, Tensor>();
    for (const { name, output } of this.#description.states) {
      const tensor = output === null ? undefined : outputs.get(output);
      if (tensor !== undefined) found.set(name, tensor);
    }
    return found;
  }
}
