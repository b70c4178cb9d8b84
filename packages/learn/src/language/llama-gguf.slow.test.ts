// Our files in llama.cpp itself: it loads them, cuts texts as we do, and gives the logits of our ONNX export.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { sharedDataPath, skipWithoutSharedData } from '../../../../tools/test-data.ts';
import { createGguf, readGguf } from '../gguf/index.ts';
import { trainBpe } from '../tokenize/index.ts';
import { type LlamaQuantization, llamaFromGguf, llamaToGguf } from './llama-gguf.ts';
import { askLlamaCpp } from './testing/llama-cpp.ts';
import { computeLogits, drawLlama, greatestDifference, writeGreedily } from './testing/llama-network.ts';

const STORIES = 'llm/stories260K.gguf';
const EXPECTED = 'llm/stories260K.expected.txt';
const stories = skipWithoutSharedData(STORIES, EXPECTED);
const executor = await createOrtNodeExecutor({ threads: 1 });
const directory = mkdtempSync(join(tmpdir(), 'amaas-gguf-'));
after(() => rmSync(directory, { recursive: true }));

function save(name: string, bytes: Uint8Array): string {
  const path = join(directory, name);
  writeFileSync(path, bytes);
  return path;
}

test('llamaFromGguf reads a published model, which then writes the published text', { skip: stories }, async () => {
  const loaded = await llamaFromGguf(await readGguf(readFileSync(sharedDataPath(STORIES))));
  assert.equal(loaded.options.tied, true);
  assert.deepEqual(loaded.specialTokens, { start: 1, end: 2, addsStart: true, addsEnd: false });
  const ids = await writeGreedily(executor, loaded, { start: 1, count: 199, endId: 1 });
  const expected = readFileSync(sharedDataPath(EXPECTED), 'utf8');
  // Behind these, two tokens are nearly as likely.
  assert.equal(loaded.tokenizer?.decode(ids).slice(0, 428), expected.slice(0, 428));
});

/**
 * Greatest differences of logits (of ±20) that llama.cpp may have from the ONNX export of the same, dequantised weights. It
 * rounds the tokens' rows, too, to what it multiplies with: to halves for F16, to 8 bits in blocks of 32 for Q8_0 and Q4_0.
 */
const TOLERANCES: Readonly<Record<LlamaQuantization, number>> = { F32: 1e-4, F16: 0.02, Q8_0: 0.4, Q4_0: 0.4 };

for (const [quantization, tolerance] of Object.entries(TOLERANCES) as [LlamaQuantization, number][]) {
  test(`llamaToGguf as ${quantization}: llama.cpp gives the ONNX export's logits within ${tolerance}`, {
    skip: stories,
  }, async () => {
    const loaded = await llamaFromGguf(await readGguf(readFileSync(sharedDataPath(STORIES))));
    const { tokenizer } = loaded;
    assert.ok(tokenizer !== null);
    const bytes = createGguf(llamaToGguf(loaded, { tokenizer, quantization }));
    const path = save(`stories-${quantization}.gguf`, bytes);
    const text = 'Once upon a time, there was a big dog who liked to play with a red ball. One day';
    const ids = [...tokenizer.encode(text).ids];
    const theirs = await askLlamaCpp({ model: path, logitsOf: [ids], greedy: { ids: [1], count: 199 } });
    const written = await llamaFromGguf(await readGguf(bytes));
    const ours = await computeLogits(executor, written, ids);
    const difference = greatestDifference(ours, theirs.logits[0] ?? []);
    assert.ok(difference < tolerance, `${difference}`);
    if (quantization === 'Q4_0') {
      // The comparison tells weights apart: those that were not quantised are farther away.
      const unlike = greatestDifference(await computeLogits(executor, loaded, ids), theirs.logits[0] ?? []);
      assert.ok(unlike > 4 * tolerance, `${unlike}`);
    }
    if (quantization !== 'F32') return;
    assert.deepEqual(written.weights, loaded.weights);
    const greedy = tokenizer.decode([1, ...theirs.greedy]);
    const expected = readFileSync(sharedDataPath(EXPECTED), 'utf8');
    assert.equal(greedy.slice(0, 428), expected.slice(0, 428));
  });
}

test('llamaToGguf with logits of its own, shared keys and a tokenizer learned here: llama.cpp gives our logits', async () => {
  const tokenizer = trainBpe(['the cat sat on the mat and the dog sat on the cat, said the rat: äöü!'], {
    vocabularySize: 280,
  });
  const options = {
    ...{ vocabularySize: 288, blockSize: 64, layers: 3, heads: 6, keyValueHeads: 2, width: 96, innerWidth: 160 },
    ...{ rotary: { base: 50_000 }, epsilon: 1e-6, tied: false },
  };
  const model = drawLlama(options, 'untied');
  const contents = llamaToGguf(model, { tokenizer, chatTemplate: '{{ messages[0].content }}', name: 'cats' });
  const texts = ['the cat said: äöü 🚀', ' the  mat\n\n<|endoftext|>the dog'];
  const ids = [...tokenizer.encode('the cat sat on the rat and said the dog').ids];
  const theirs = await askLlamaCpp({ model: save('untied.gguf', createGguf(contents)), texts, logitsOf: [ids] });
  assert.deepEqual(
    theirs.tokens,
    texts.map((text) => [...tokenizer.encode(text).ids]),
  );
  const ours = await computeLogits(executor, model, ids);
  const difference = greatestDifference(ours, theirs.logits[0] ?? []);
  assert.ok(difference < 1e-4, `${difference}`);
});
