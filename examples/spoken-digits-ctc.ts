// A recogniser of speech by CTC: from recordings with transcripts to one model that takes samples and writes text. Learns the
// digits of the Free Spoken Digit Dataset, letter by letter; without its archive, numbers dialled on a telephone.
// Run: npx node examples/spoken-digits-ctc.ts [archive or folder with digit_speaker_take.wav files] [epochs]
import { writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { openAudioFolder } from '@amaas/engine-sharp';
import { decodeCtcBeams } from '@amaas/learn/decode';
import { formatSpeechReport, recordingsTensor, spellLabels, trainSpeech } from '@amaas/learn/pipelines';
import { DIALLED_RATE_HZ, dialledNumbers } from './data/dialled-numbers.ts';

const WORDS = ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine'];
const SAMPLE_RATE_HZ = DIALLED_RATE_HZ; // of both

const [archive, epochs = archive === undefined ? '30' : '90', out] = process.argv.slice(2);
const media =
  archive === undefined
    ? dialledNumbers(120)
    : await openAudioFolder(archive, {
        sampleRateHz: SAMPLE_RATE_HZ,
        classOf: (path) => WORDS[Number(basename(path)[0])] ?? null, // what is said is each file's label
      });

const executor = await createOrtNodeExecutor();
const trained = await trainSpeech({
  media,
  executor,
  sampleRateHz: SAMPLE_RATE_HZ,
  validation: 0,
  // Tones are learned by a small network, and would be others at another pitch.
  ...(archive === undefined
    ? {
        training: { epochs: Number(epochs), learningRate: 0.01, batchSize: 8 },
        network: { channels: [8, 8, 8], units: 24 },
        augmentation: { maxPauseSeconds: 0.1, maxGainDb: 6, noiseDb: 20 },
      }
    : { training: { epochs: Number(epochs) } }),
  onEvent(event) {
    if (event.kind === 'epoch') {
      process.stderr.write(`\repoch ${event.record.epoch} loss ${event.record.values['loss']?.toFixed(3)} `);
    }
  },
});
process.stdout.write(`${formatSpeechReport(trained.report)}\n`);

// The model itself, as it is served: text, and log-probabilities for a search of one's own.
const compiled = await executor.compile(trained.onnx);
const outputs = await compiled.run(new Map([['samples', recordingsTensor([trained.example])]]));
const [text, scores] = [outputs.get('text'), outputs.get('log_probabilities')];
if (text?.dtype === 'string' && scores?.dtype === 'float32') {
  const [best] = decodeCtcBeams(scores.data, { classes: scores.shape[2] ?? 0, beams: 16 });
  process.stdout.write(`a held-out recording of "${trained.heard[0]?.text}"\n`);
  process.stdout.write(`  by the graph   ${text.data.map((bytes) => new TextDecoder().decode(bytes)).join()}\n`);
  process.stdout.write(`  by beam search ${spellLabels(trained.description, best?.labels ?? [])}\n`);
}
await compiled.dispose();
if (out !== undefined) await writeFile(out, trained.onnx);
