// A translator with attention, German to English: pairs of sentences in, a folder with one served model out. A worked example:
// 420 short sentences teach little more than how it is done. Give two files, gzipped or not, with a sentence per line and its
// translation on the same line of the other (such as Multi30k's train.de.gz and train.en.gz) for more.
// Run: npx node examples/translator.ts [lstm or transformer] [German file] [English file] [epochs] [folder to write]
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { type TextPair, trainTranslator, Translator, translatorFiles } from '@amaas/learn/language';

const [network = 'transformer', german, english, epochs = '25', folder] = process.argv.slice(2);

async function linesOf(file: string): Promise<readonly string[]> {
  const bytes = await readFile(file);
  const text = (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

async function openPairs(): Promise<readonly TextPair[]> {
  if (!german || !english) {
    const lines = await linesOf(join(import.meta.dirname, 'data/german-english.tsv'));
    return lines.map((line) => {
      const [source = '', target = ''] = line.split('\t');
      return { source, target };
    });
  }
  const targets = await linesOf(english);
  return (await linesOf(german)).map((source, row) => ({ source, target: targets[row] ?? '' }));
}

const pairs = await openPairs();
const isSmall = pairs.length < 5000;
const executor = await createOrtNodeExecutor();
const trained = await trainTranslator({
  pairs,
  executor,
  validation: 0.1,
  tokenizer: { vocabularySize: isSmall ? 250 : 6000 },
  architecture:
    network === 'lstm'
      ? { name: 'lstm', width: isSmall ? 48 : 256, units: isSmall ? 48 : 256 }
      : { name: 'transformer', ...(isSmall ? { layers: 2, width: 48 } : {}) },
  ...(isSmall ? { learningRate: 5e-3, batchTokens: 400, lengths: 2 } : {}),
  epochs: Number(epochs),
  onEvent(event) {
    if (event.kind !== 'epoch') return;
    const { epoch, values } = event.record;
    process.stderr.write(`\repoch ${epoch}, validation loss ${values['validation loss']?.toFixed(3)} `);
  },
});
const { scores, facts, architecture, tokenizer, model } = trained;
for (const { source, translation } of scores?.translations.slice(0, 5) ?? []) {
  process.stdout.write(`\n${source}\n  ${translation}`);
}
process.stdout.write(
  `\n${facts.pairs} pairs, ${facts.parameters} parameters: BLEU ${scores?.bleu.value.toFixed(1)}, ` +
    `chrF ${scores?.chrf.value.toFixed(1)} on ${scores?.translations.length} pairs never seen\n`,
);

const translator = await Translator.create({ architecture, tokenizer, weights: model.weights }, { executor });
process.stdout.write(`${(await translator.translate(['Heute spielt ein Junge im Garten.']))[0]}\n`);
await translator.dispose();

// What `amaas deploy` takes: the graph, which has the search inside, the tokenizer, and how a server uses both.
if (folder !== undefined) {
  await mkdir(folder, { recursive: true });
  for (const [name, bytes] of translatorFiles(trained)) await writeFile(join(folder, name), bytes);
}
