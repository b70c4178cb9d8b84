import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { trainedMediaFiles } from './media-files.ts';
import { labelsOf, textMedia } from './testing/made-media.ts';
import { trainText } from './train-text.ts';

test('trainedMediaFiles holds the model, its manifest, its report, and an example that can be sent', async () => {
  const executor = await createOrtNodeExecutor();
  const made = Array.from({ length: 40 }, (_, row) => ({ label: `${row % 2}`, text: `wörd ${row % 2} of ${row}` }));
  const trained = await trainText({
    media: textMedia(made),
    executor,
    candidates: ['linear'],
    training: { epochs: 3 },
    threads: 1,
  });
  const files = trainedMediaFiles(trained);
  const read = (name: string): string => new TextDecoder().decode(files.get(name));
  assert.deepEqual([...files.keys()], ['model.onnx', 'amaas.json', 'example.json', 'report.json', 'report.html']);
  const manifest = JSON.parse(read('amaas.json'));
  assert.deepEqual(
    [manifest.task, manifest.labels, manifest.example],
    ['text-classification', ['0', '1'], 'example.json'],
  );
  assert.match(read('report.html'), /^<!doctype html>/i);

  const { inputs } = JSON.parse(read('example.json'));
  assert.deepEqual([inputs.length, inputs[0].name, inputs[0].shape, inputs[0].datatype], [1, 'text', [1], 'BYTES']);
  const text: string = inputs[0].data[0];
  assert(made.some((row) => row.text === text));
  // The example is the first held-out text: the model answers what the report saw.
  const feeds = new Map([['text', { dtype: 'string', shape: [1], data: [new TextEncoder().encode(text)] } as const]]);
  const [label] = await labelsOf(trained.onnx, { executor, feeds });
  assert.equal(label, (trained.test.scores[0] ?? 0) >= 0.5 ? '0' : '1');
});
