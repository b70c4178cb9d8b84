// Grammars that would end llama.cpp's process are refused before it reads them, and the model goes on.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { sharedDataPath, skipWithoutSharedData } from '../../../../tools/test-data.ts';
import { LlamaEngine } from './index.ts';

const MODEL = 'llm/stories260K.gguf';
const skip = skipWithoutSharedData(MODEL);
const engine = new LlamaEngine();
after(() => engine.dispose());

test('a model refuses grammars that would end its process, and reads those as deep as it lets', {
  skip,
}, async () => {
  const options = { maxMemoryBytes: 1e9, maxLoadMs: 60_000, maxQueueSize: 10, contextTokens: 128, parallel: 1 };
  const model = await engine.load({ label: 'refusing', modelPath: sharedDataPath(MODEL) }, { ...options, threads: 1 });
  const write = async (grammar: string): Promise<string> => {
    let text = '';
    const request = { prompt: [{ text: 'Once', special: false }], maxTokens: 8, grammar };
    for await (const event of model.generate(request)) if (event.type === 'text') text += event.text;
    return text;
  };
  for (const grammar of [`root ::= ${'('.repeat(200_000)}"a"${')'.repeat(200_000)}`, 'root ::= "a"{5,2}']) {
    await assert.rejects(() => write(grammar), { reason: 'INVALID_ARGUMENT', details: { field: 'grammar' } });
    assert.equal(await write(`root ::= ${'('.repeat(1000)}"b"${')'.repeat(1000)}`), 'b');
  }
  await model.dispose();
});
