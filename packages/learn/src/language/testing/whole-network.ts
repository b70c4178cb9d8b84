// A network without any cache as a sequence model: every step runs it over the whole text so far. The oracle of decoders that
// go step by step, and small models of made-up weights to try them on.
import assert from 'node:assert/strict';
import { createTensor, type Executor, type Tensor } from '@amaas/core';
import type { SequenceModel } from '../../decode/index.ts';
import { input } from '../../graph/index.ts';
import {
  asNetwork,
  createScope,
  encoderDecoder,
  encoderDecoderSteps,
  gpt,
  gptSteps,
  type Layer,
  llama,
  llamaSteps,
  type Network,
  SOURCE_INPUT,
  type StepwiseDecoder,
  TARGET_INPUT,
} from '../../layers/index.ts';
import { TrainedModel, type Weights } from '../../train/index.ts';
import { madeNumbers } from '../../train/testing/made-numbers.ts';

export interface SmallModel {
  readonly decoder: StepwiseDecoder;
  readonly weights: Weights;
  readonly network: TrainedModel;
  /** Length of the network's ids. */
  readonly time: number;
}

const TIME = 12;
const GPT = { vocabularySize: 13, blockSize: TIME, layers: 2, heads: 2, width: 8, useBias: true } as const;
const LLAMA = { vocabularySize: 13, blockSize: TIME, layers: 2, heads: 4, keyValueHeads: 2, width: 16 } as const;
const TRANSLATOR = { sourceVocabularySize: 9, targetVocabularySize: 13, layers: 2, heads: 2, width: 8 } as const;
export const SOURCE_TIME = 5;

/** Language models. */
export const LANGUAGE_MODELS: Readonly<Record<'gpt' | 'llama', SmallModel>> = {
  gpt: smallModel(gpt(GPT), gptSteps(GPT)),
  llama: smallModel(llama(LLAMA), llamaSteps(LLAMA)),
};

export const TRANSLATOR_MODEL = smallModel(
  encoderDecoder(TRANSLATOR),
  encoderDecoderSteps({ ...TRANSLATOR, mostIds: TIME }),
);

function smallModel(model: Layer | Network, decoder: StepwiseDecoder): SmallModel {
  const network = asNetwork(model);
  const types = new Map(
    network.inputNames === null
      ? [['ids', { dtype: 'int64', shape: [TIME] } as const]]
      : [
          [SOURCE_INPUT, { dtype: 'int64', shape: [SOURCE_TIME] } as const],
          [TARGET_INPUT, { dtype: 'int64', shape: [TIME] } as const],
        ],
  );
  const { scope, record } = createScope(false);
  network.build(
    new Map([...types].map(([name, { dtype, shape }]) => [name, input(name, dtype, ['N', ...shape])])),
    scope,
  );
  const weights = new Map(
    record().parameters.map(({ name, shape }, index) => {
      const count = shape.reduce((product, size) => product * size, 1);
      return [name, createTensor('float32', shape, Float32Array.from(madeNumbers(index + 1, count)))] as const;
    }),
  );
  return { decoder, weights, network: new TrainedModel({ network, inputs: types, weights }), time: TIME };
}

export interface WholeModel extends SequenceModel<readonly (readonly number[])[]> {
  /** Logits after each id. */
  logitsOf(texts: readonly (readonly number[])[]): Promise<readonly (readonly Float32Array[])[]>;
  dispose(): Promise<void>;
}

/** @param sources - of a translator, one per row that any step has; rows keep the source they begin with */
export async function createWholeModel(
  executor: Executor,
  { network, time, decoder: { vocabularySize } }: SmallModel,
  sources: readonly (readonly number[])[] = [],
): Promise<WholeModel> {
  const compiled = await executor.compile(network.toOnnx());
  const logitsOf = async (texts: readonly (readonly number[])[]): Promise<readonly (readonly Float32Array[])[]> => {
    // A translator's texts begin with the number of their source, which is no id.
    const spoken = sources.length === 0 ? texts : texts.map((text) => text.slice(1));
    const feeds = new Map<string, Tensor>([
      [sources.length === 0 ? 'ids' : TARGET_INPUT, idTensor(spoken.map((text) => fill(text, time)))],
    ]);
    if (sources.length > 0) {
      feeds.set(
        SOURCE_INPUT,
        idTensor(texts.map(([source = 0]) => fill(sources[source] ?? assert.fail(), SOURCE_TIME))),
      );
    }
    const output = (await compiled.run(feeds)).get('output') ?? assert.fail();
    assert(output.data instanceof Float32Array);
    const { data } = output;
    return spoken.map((text, row) =>
      text.map((_, at) => {
        const begin = (row * time + at) * vocabularySize;
        return data.slice(begin, begin + vocabularySize);
      }),
    );
  };
  return {
    vocabularySize,
    logitsOf,
    async step(tokens, state) {
      const texts = state.map((before, row) => [...before, tokens[row] ?? 0]);
      const logits = (await logitsOf(texts)).map((each) => each.at(-1) ?? assert.fail());
      return { logits: Float32Array.from(logits.flatMap((each) => [...each])), state: texts };
    },
    selectRows: (state, rows) => Array.from(rows, (row) => state[row] ?? []),
    dispose: () => compiled.dispose(),
  };
}

function fill(ids: readonly number[], time: number): readonly number[] {
  assert(ids.length <= time);
  return [...ids, ...new Array<number>(time - ids.length).fill(0)];
}

export function idTensor(rows: readonly (readonly number[])[]): Tensor {
  return createTensor('int64', [rows.length, rows[0]?.length ?? 0], BigInt64Array.from(rows.flat(), BigInt));
}
