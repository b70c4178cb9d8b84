// A tagger's exported form against the form that is trained, with sentences of different lengths and forgotten words.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTensor, type Tensor } from '@amaas/core';
import { compileToOnnx } from '../compile/index.ts';
import { constant, input, rewrite, type Value } from '../graph/index.ts';
import { evaluate, numbersOf } from '../reference/index.ts';
import { ortExecutor } from '../reference/testing/check-operation.ts';
import { createRandom } from '../statistics/index.ts';
import { createScope, type Network, PART_INPUT, WORD_INPUT, wordTagger, type WordTaggerOptions } from './index.ts';

const SIZES = { words: 9, parts: 7, tags: 3, wordWidth: 5, partWidth: 4, units: 4, layers: 2, dropout: 0 } as const;
/** Words of sentences, with two parts each: long, short, empty. */
const SENTENCES = [[3, 1, 8, 2, 5], [4, 6], []];

function sentenceTensors(sentences: readonly (readonly number[])[], time: number): ReadonlyMap<string, Tensor> {
  const ids = sentences.flatMap((words) => Array.from({ length: time }, (_, at) => words[at] ?? 0));
  const parts = ids.flatMap((id) => (id === 0 ? [0, 0] : [1 + (id % 6), (id * 5) % 7]));
  const rows = sentences.length;
  return new Map([
    [WORD_INPUT, createTensor('int64', [rows, time], BigInt64Array.from(ids, BigInt))],
    [PART_INPUT, createTensor('int64', [rows, time, 2], BigInt64Array.from(parts, BigInt))],
  ]);
}

function build(network: Network, given: ReadonlyMap<string, Value>, { training = false, uniform = 0.5 } = {}): Value {
  const { scope, record } = createScope(training);
  const y = network.build(given, scope);
  const drawn = ({ name, shape }: { readonly name: string; readonly shape: readonly number[] }) => {
    const random = createRandom(name);
    return Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => 0.7 * random.normal());
  };
  const { parameters, randomInputs } = record();
  const replacements = new Map<Value, Value>([
    ...parameters.map((each) => [each.value, constant(createTensor('float32', each.shape, drawn(each)))] as const),
    ...randomInputs.map(({ value }) => {
      const shape = value.shape.map(Number);
      const numbers = new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(uniform);
      return [value, constant(createTensor('float32', shape, numbers))] as const;
    }),
  ]);
  return rewrite([y], replacements)[0] ?? y;
}

function trained(options: WordTaggerOptions, sentences: readonly (readonly number[])[], uniform: number): Float64Array {
  const given = new Map([...sentenceTensors(sentences, 5)].map(([name, tensor]) => [name, constant(tensor)]));
  const [found] = evaluate([build(wordTagger(options), given, { training: true, uniform })], new Map());
  return Float64Array.from(numbersOf(found).data);
}

test('wordTagger exported gives each word, alone and in company, the scores of the network that is trained', async () => {
  const inputs = new Map([
    [WORD_INPUT, input(WORD_INPUT, 'int64', ['N', 'T'])],
    [PART_INPUT, input(PART_INPUT, 'int64', ['N', 'T', 2])],
  ]);
  const onnx = compileToOnnx(new Map([['y', build(wordTagger(SIZES), inputs)]]), { inputs: [...inputs.values()] });
  const compiled = await (await ortExecutor()).compile(onnx);
  const ask = async (sentences: readonly (readonly number[])[], time: number): Promise<Float32Array> => {
    const y = (await compiled.run(sentenceTensors(sentences, time))).get('y');
    assert(y?.dtype === 'float32');
    return y.data;
  };
  const expected = trained({ ...SIZES, wordDropout: 0.4 }, SENTENCES, 0.5);
  const together = await ask(SENTENCES, 5);
  const longer = await ask(SENTENCES, 8);
  for (const [row, words] of SENTENCES.entries()) {
    const alone = words.length === 0 ? new Float32Array() : await ask([words], words.length);
    for (let at = 0; at < 3 * words.length; at++) {
      const wanted = expected[row * 15 + at] ?? Number.NaN;
      const found = [together[row * 15 + at], longer[row * 24 + at], alone[at]];
      for (const value of found) assert(Math.abs((value ?? 0) - wanted) < 2e-5, `${row} ${at}: ${found}, ${wanted}`);
    }
  }
  await compiled.dispose();
});

test('wordTagger takes a share of the words for unknown ones while training', () => {
  const known = trained({ ...SIZES, wordDropout: 0.4 }, [[3, 8], []], 0.5);
  const forgotten = trained({ ...SIZES, wordDropout: 0.6 }, [[3, 8], []], 0.5);
  assert.notDeepEqual(known.slice(0, 6), forgotten.slice(0, 6));
  // Words whose number is 1 already have nothing to lose.
  const unknown = [[1, 1], []];
  assert.deepEqual(
    trained({ ...SIZES, wordDropout: 0.6 }, unknown, 0.5),
    trained({ ...SIZES, wordDropout: 0 }, unknown, 0.5),
  );
});
