// SMS Spam Collection: F1 on a held-out fifth over seeds, also without the held-out messages that are in training too.
// Arguments: seeds (1), candidates (linear,perceptron).
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { openLabelledLines } from '@amaas/engine-sharp';
import { computeClassScores, computeConfusionMatrix, metricOf } from '@amaas/learn/evaluate';
import { type TextCandidate, trainText } from '@amaas/learn/pipelines';
import { sharedDataPath } from '../../tools/test-data.ts';

const [seeds = '1', candidates = 'linear,perceptron'] = process.argv.slice(2);
const executor = await createOrtNodeExecutor();
const media = await openLabelledLines(sharedDataPath('text/SMSSpamCollection'), { loneLine: 'join' });
const texts = new Map<string, string>();
for (const [index, { name }] of media.files.entries()) texts.set(name, await media.load(index));
for (let seed = 0; seed < Number(seeds); seed++) {
  const { report, candidate, split, test } = await trainText({
    media,
    executor,
    seed,
    candidates: candidates.split(',') as TextCandidate[], // checked by trainText's own switch
  });
  const known = new Set(split.train.map((name) => texts.get(name)));
  const fresh = [...split.test.keys()].filter((row) => !known.has(texts.get(split.test[row] ?? '')));
  const labels = fresh.map((row) => test.labels[row] ?? 0);
  const predictions = fresh.map((row) => Number((test.scores[2 * row + 1] ?? 0) >= 0.5));
  const matrix = computeConfusionMatrix({ labels, predictions, classes: 2 });
  const freshF1 = computeClassScores(matrix)[1]?.f1;
  process.stdout.write(
    `seed ${seed}: ${candidate.name}, F1 ${metricOf(report, 'f1')?.toFixed(4)} on ${split.test.length} messages, ` +
      `${freshF1?.toFixed(4)} on the ${fresh.length} that are not in training\n`,
  );
}
