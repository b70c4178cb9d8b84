// Tagging parts of speech: tagged sentences in, one served model out that splits raw sentences into words and tags them.
// A worked example, not a tagger for use: 183 short sentences teach little more than how it is done. Give a treebank's file
// (a word, a tab and a tag per line, an empty line after each sentence) for more.
// Run: npx node examples/part-of-speech.ts [where to write the model] [tagged sentences]
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { formatTaggerReport, readTaggedSentences, trainTagger } from '@amaas/learn/pipelines';

const [out = 'part-of-speech.onnx', file = join(import.meta.dirname, 'data/part-of-speech.tsv')] =
  process.argv.slice(2);
const executor = await createOrtNodeExecutor();
const { onnx, report, split } = await trainTagger({
  sentences: readTaggedSentences(await readFile(file, 'utf8'), file),
  executor,
  onEpoch: ({ epoch, values }) => {
    process.stderr.write(`\repoch ${epoch}, validation accuracy ${values['validation accuracy']?.toFixed(3)} `);
  },
});
process.stdout.write(`\nlearned from ${split.train} sentences, written to ${out}\n${formatTaggerReport(report)}\n`);
await writeFile(out, onnx);

// What a server is sent, and what it answers.
const sentence = new TextEncoder().encode('The old sailor quickly painted a small boat.');
const model = await executor.compile(onnx);
const answer = await model.run(new Map([['text', { dtype: 'string', shape: [1], data: [sentence] }]]));
const [words = [], tags = []] = ['words', 'tags'].map((name) => {
  const tensor = answer.get(name);
  return tensor?.dtype === 'string' ? tensor.data.map((bytes) => new TextDecoder().decode(bytes)) : [];
});
process.stdout.write(`${words.flatMap((word, at) => (word === '' ? [] : `${word}/${tags[at]}`)).join(' ')}\n`);
await model.dispose();
