// Decoders step by step against their whole networks, in float64: one id at a time, in chunks, in rows of different lengths.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NumericArray } from '../reference/index.ts';
import { madeIndices } from '../train/testing/made-numbers.ts';
import {
  asNetwork,
  encoderDecoder,
  type EncoderDecoderOptions,
  encoderDecoderSteps,
  gpt,
  gptSteps,
  type Layer,
  llama,
  llamaSteps,
  type Network,
  NO_TOKEN,
  SOURCE_INPUT,
  type StepwiseDecoder,
  TARGET_INPUT,
} from './index.ts';
import { Decoding, ids, run } from './testing/stepwise-runs.ts';

const GPT = { vocabularySize: 11, blockSize: 9, layers: 2, heads: 2, width: 8, useBias: true } as const;
const LLAMA = { vocabularySize: 11, blockSize: 9, layers: 2, heads: 4, keyValueHeads: 2, width: 16 } as const;
const TRANSLATOR: EncoderDecoderOptions = { sourceVocabularySize: 7, layers: 2, heads: 2, width: 8 };

const MODELS: Readonly<Record<string, readonly [Layer, StepwiseDecoder]>> = {
  gpt: [gpt(GPT), gptSteps(GPT)],
  llama: [llama(LLAMA), llamaSteps(LLAMA)],
  'llama, ungrouped and not tied': [
    llama({ ...LLAMA, keyValueHeads: 4, tied: false, rotary: { base: 100 } }),
    llamaSteps({ ...LLAMA, keyValueHeads: 4, tied: false, rotary: { base: 100 } }),
  ],
};

/** Two rows; the second has two ids less. */
const LONG = madeIndices(1, 7, 11);
const SHORT = madeIndices(2, 5, 11);
const MADE_NONE = [NO_TOKEN, NO_TOKEN];

function whole(model: Layer | Network, feeds: ReadonlyMap<string, NumericArray>): NumericArray {
  const network = asNetwork(model);
  return run(feeds, (inputs, scope) => new Map([['y', network.build(inputs, scope)]])).get('y') ?? assert.fail();
}

/** Logits of a text's position. */
function rowsOf({ shape, data }: NumericArray): readonly (readonly number[])[] {
  const size = shape.at(-1) ?? 1;
  return Array.from({ length: data.length / size }, (_, row) => [...data.subarray(row * size, (row + 1) * size)]);
}

function assertRows(found: readonly (readonly number[])[], expected: readonly (readonly number[])[]): void {
  assert.equal(found.length, expected.length);
  for (const [row, numbers] of expected.entries()) {
    for (const [column, number] of numbers.entries()) {
      const other = found[row]?.[column] ?? Number.NaN;
      assert(Math.abs(other - number) < 1e-9, `row ${row}, ${column}: ${other} is not ${number}`);
    }
  }
}

for (const [name, [model, decoder]] of Object.entries(MODELS)) {
  const long = rowsOf(whole(model, new Map([['ids', ids([LONG])]])));
  const short = rowsOf(whole(model, new Map([['ids', ids([SHORT])]])));

  test(`${name}: one id at a time gives the network's logits`, () => {
    const decoding = new Decoding(decoder, 1);
    for (const [at, id] of LONG.entries()) assertRows(rowsOf(decoding.step([[id]])), [long[at] ?? []]);
  });

  test(`${name}: chunks of rows of different lengths give the network's logits`, () => {
    const decoding = new Decoding(decoder, 2);
    const padded = [...MADE_NONE, ...SHORT];
    const chunk = (from: number, to: number): readonly (readonly number[])[] => [
      LONG.slice(from, to),
      padded.slice(from, to),
    ];
    const first = rowsOf(decoding.step(chunk(0, 4), { isOpen: true }));
    assertRows([...first.slice(0, 4), ...first.slice(6)], [...long.slice(0, 4), ...short.slice(0, 2)]);
    assertRows(rowsOf(decoding.step(chunk(4, 6), { onlyLast: true })), [long[5] ?? [], short[3] ?? []]);
    assertRows(rowsOf(decoding.step(chunk(6, 7), { onlyLast: true })), [long[6] ?? [], short[4] ?? []]);
  });
}

const TRANSLATORS: Readonly<Record<string, EncoderDecoderOptions>> = {
  paper: { ...TRANSLATOR, normFirst: false },
  'learned positions, two vocabularies': {
    ...{ ...TRANSLATOR, targetVocabularySize: 11, learnedPositions: 9 },
    ...{ norm: 'rms', activation: 'swiglu', useBias: false, padding: 3 },
  },
};

for (const [name, options] of Object.entries(TRANSLATORS)) {
  test(`encoderDecoder, ${name}: its steps give the network's logits, sources being padded or empty`, () => {
    const padding = options.padding ?? 0;
    const size = options.targetVocabularySize ?? 7;
    const sources = ids([
      [1, 2, 6, 5, 4],
      [4, 4, 1, padding, padding],
      [padding, padding, padding, padding, padding],
    ]);
    const targets = [madeIndices(4, 6, size), madeIndices(5, 6, size), madeIndices(6, 6, size)];
    const expected = rowsOf(
      whole(
        encoderDecoder(options),
        new Map([
          [SOURCE_INPUT, sources],
          [TARGET_INPUT, ids(targets)],
        ]),
      ),
    );
    const decoding = new Decoding(
      encoderDecoderSteps({ ...options, mostIds: 9 }),
      3,
      new Map([[SOURCE_INPUT, sources]]),
    );
    const at = (time: number): readonly (readonly number[])[] => [0, 6, 12].map((row) => expected[row + time] ?? []);
    const part = (from: number, to: number): readonly (readonly number[])[] =>
      targets.map((target) => target.slice(from, to));
    assertRows(rowsOf(decoding.step(part(0, 1), { onlyLast: true })), at(0));
    assertRows(
      rowsOf(decoding.step(part(1, 4), { isOpen: true })),
      [0, 6, 12].flatMap((row) => expected.slice(row + 1, row + 4)),
    );
    assertRows(rowsOf(decoding.step(part(4, 5))), at(4));
    assertRows(rowsOf(decoding.step(part(5, 6), { onlyLast: true })), at(5));
  });
}
