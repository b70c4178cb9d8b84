// Multi30k, German to English: BLEU and chrF on test 2016 of a small Transformer (3 layers, 128 wide) with one table of 6,000
// unigram pieces for both languages. Its data is for research only and not part of this project: give the folder that holds
// multi30k_{train,val,test_2016_flickr}.{de,en}.gz. A folder for checkpoints lets a training that was stopped go on.
// Run: node bench/quality/multi30k.ts <data> [checkpoints] [epochs, default 20] [seed, default 1] [threads, default 2]
import { mkdir, open, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { type TextPair, trainTranslator } from '@amaas/learn/language';
import { type CheckpointStore, writeSafetensors } from '@amaas/learn/train';

const [data = 'multi30k', folder, epochs = '20', seed = '1', threads = '2'] = process.argv.slice(2);
const executor = await createOrtNodeExecutor();
const startedMs = performance.now();
const minutes = (): string => {
  const { user, system } = process.cpuUsage();
  return `${((performance.now() - startedMs) / 60_000).toFixed(1)} min, ${((user + system) / 60e6).toFixed(1)} CPU min`;
};
let shownMs = 0;
const trained = await trainTranslator({
  pairs: await pairsOf('train'),
  validation: await pairsOf('val'),
  test: await pairsOf('test_2016_flickr'),
  executor,
  tokenizer: { kind: 'unigram', vocabularySize: 6000 },
  architecture: { name: 'transformer', layers: 3, heads: 4, width: 128, innerWidth: 256, dropout: 0.1 },
  learningRate: 1.5e-3,
  epochs: Number(epochs),
  seed: Number(seed),
  threads: Number(threads),
  samples: 3,
  ...(folder === undefined ? {} : { checkpoint: { store: await checkpointsIn(folder), everyMs: 60_000 } }),
  onEvent(event) {
    if (event.kind === 'described') {
      const { architecture: _, ...facts } = event.facts;
      process.stdout.write(`${JSON.stringify(facts)}\n`);
    } else if (event.kind === 'epoch') {
      process.stdout.write(`${JSON.stringify(event.record)} after ${minutes()}\n`);
      for (const { source, translation } of event.samples) process.stdout.write(`  ${source}\n  ${translation}\n`);
    } else if (performance.now() - shownMs > 30_000) {
      shownMs = performance.now();
      const { epoch, step, loss } = event;
      process.stdout.write(`epoch ${epoch}, step ${step}: loss ${loss.toFixed(3)} after ${minutes()}\n`);
    }
  },
});
const { scores, facts, model, tokenizer } = trained;
if (scores === null) throw new Error('multi30k: there is nothing to score');
const { bleu, chrf, bleuSignature, translations } = scores;
for (const { source, translation, target } of translations.slice(0, 5)) {
  process.stdout.write(`  ${source}\n  ${translation}\n  (${target})\n`);
}
const range = bleu.interval === null ? '' : ` (${bleu.interval.lower.toFixed(1)} … ${bleu.interval.upper.toFixed(1)})`;
process.stdout.write(
  `seed ${seed}, ${facts.epochs} epochs, ${facts.parameters} parameters: test 2016 BLEU ${bleu.value.toFixed(2)}${range}, ` +
    `chrF ${chrf.value.toFixed(2)}, beams of 4, ${bleuSignature}; ${minutes()} (this run)\n`,
);
if (folder !== undefined) {
  await writeFile(
    join(folder, 'weights.safetensors'),
    writeSafetensors({ tensors: model.weights, metadata: new Map() }),
  );
  await writeFile(join(folder, 'tokenizer.json'), JSON.stringify(tokenizer.toJson()));
}

async function pairsOf(part: string): Promise<readonly TextPair[]> {
  const read = async (language: string): Promise<readonly string[]> =>
    gunzipSync(await readFile(join(data, `multi30k_${part}.${language}.gz`)))
      .toString('utf8')
      .trimEnd()
      .split('\n');
  const targets = await read('en');
  return (await read('de')).map((source, index) => ({ source, target: targets[index] ?? '' }));
}

async function checkpointsIn(path: string): Promise<CheckpointStore> {
  await mkdir(path, { recursive: true });
  const file = join(path, 'checkpoint.safetensors');
  return {
    async load() {
      try {
        return await readFile(file);
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
        throw error;
      }
    },
    async save(bytes) {
      const next = await open(`${file}.new`, 'w');
      await next.writeFile(bytes);
      await next.sync();
      await next.close();
      await rename(`${file}.new`, file);
    },
  };
}
