// Sentence polarity (Pang & Lee 2005): accuracy on held-out sentences over ten stratified folds, by candidate of trainText,
// each asked as the exported model that takes raw text; and beside them Wang & Manning's NBSVM. One line per fold.
// Arguments: candidates (nbsvm,linear,convolutional,recurrent,transformer), first and last fold of the ten to run (1, 10).
// Settings were chosen by the validation part of the first fold's training sentences. Threads: one.
import { readFileSync } from 'node:fs';
import { inflateRawSync } from 'node:zlib';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { createLabelledMedia, decodeText, filesOfTexts, type LabelledMedia, textLines } from '@amaas/learn/data';
import { kFold } from '@amaas/learn/evaluate';
import { type TextCandidate, trainText } from '@amaas/learn/pipelines';
import { sharedDataPath } from '../../tools/test-data.ts';
import { trainNbsvm } from './nbsvm.ts';

const [candidates = 'nbsvm,linear,convolutional,recurrent,transformer', first = '1', last = '10'] =
  process.argv.slice(2);

interface Sentence {
  readonly label: string;
  readonly text: string;
}

/** A member of a zip archive, by its name's end. */
function readMember(zip: Buffer, suffix: string): string {
  for (let at = zip.indexOf('PK\x01\x02'); at !== -1; at = zip.indexOf('PK\x01\x02', at + 4)) {
    const nameLength = zip.readUInt16LE(at + 28);
    if (!zip.toString('utf8', at + 46, at + 46 + nameLength).endsWith(suffix)) continue;
    const local = zip.readUInt32LE(at + 42);
    const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
    return inflateRawSync(zip.subarray(start, start + zip.readUInt32LE(at + 20))).toString('utf8');
  }
  throw new Error(`the archive has no ${suffix}`);
}

function mediaOf(sentences: readonly Sentence[], rows: Int32Array): LabelledMedia<string> {
  return createLabelledMedia({
    kind: 'text',
    files: filesOfTexts(
      Array.from(rows).flatMap((row) => sentences.slice(row, row + 1)),
      'sentence',
    ),
    decode: (bytes, name) => decodeText(bytes, name),
    classNames: ['negative', 'positive'],
  });
}

const zip = readFileSync(sharedDataPath('text/sentence_polarity.zip'));
const sentences: readonly Sentence[] = [
  ...textLines(readMember(zip, 'rt-polarity.neg')).map((text) => ({ label: 'negative', text })),
  ...textLines(readMember(zip, 'rt-polarity.pos')).map((text) => ({ label: 'positive', text })),
];
const labels = sentences.map(({ label }) => label);
const executor = await createOrtNodeExecutor({ threads: 1 });

async function accuracyOf(name: string, { train, test }: { train: Int32Array; test: Int32Array }): Promise<number> {
  if (name === 'nbsvm') {
    const rowsOf = (rows: Int32Array): readonly Sentence[] =>
      Array.from(rows).flatMap((row) => sentences.slice(row, row + 1));
    const predict = trainNbsvm(
      rowsOf(train).map(({ text, label }) => ({ text, isPositive: label === 'positive' })),
      { seed: 0 },
    );
    return rowsOf(test).filter(({ text, label }) => predict(text) === (label === 'positive')).length / test.length;
  }
  const trained = await trainText({
    media: mediaOf(sentences, train),
    test: mediaOf(sentences, test),
    executor,
    threads: 1,
    seed: 0,
    validation: 0.1,
    candidates: [name as TextCandidate], // checked by trainText's own switch
    vectoriser: { words: { lengths: [1, 2], maxFeatures: 10_000 }, characters: null },
  });
  const { labels: truth, scores } = trained.test;
  const right = truth.filter((label, row) => Number((scores[2 * row + 1] ?? 0) >= 0.5) === label).length;
  process.stdout.write(`    ${trained.history.length} epochs, `);
  return right / truth.length;
}

const plan = { kind: 'stratified', labels } as const;
const parts = kFold({ rows: sentences.length, folds: 10, seed: 0, plan }).slice(0, Number(last));
const reached = new Map<string, number[]>();
process.stdout.write(`${sentences.length} sentences, folds ${first} to ${last} of 10\n`);
for (const [index, part] of parts.entries()) {
  if (index + 1 < Number(first)) continue;
  for (const name of candidates.split(',')) {
    const before = process.cpuUsage();
    const accuracy = await accuracyOf(name, part);
    const { user, system } = process.cpuUsage(before);
    reached.set(name, [...(reached.get(name) ?? []), accuracy]);
    const seconds = ((user + system) / 1e6).toFixed(0);
    process.stdout.write(`fold ${index + 1}: ${name} ${(100 * accuracy).toFixed(2)} %, ${seconds} s of CPU\n`);
  }
}
for (const [name, accuracies] of reached) {
  const mean = accuracies.reduce((sum, value) => sum + value, 0) / accuracies.length;
  const variance = accuracies.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, accuracies.length - 1);
  process.stdout.write(
    `${name}: ${(100 * mean).toFixed(2)} ± ${(100 * Math.sqrt(variance)).toFixed(2)} % (mean and deviation of ${accuracies.length} folds)\n`,
  );
}
