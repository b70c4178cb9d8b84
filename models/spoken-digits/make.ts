// Makes the bundled recogniser of spoken digits from clips of the Free Spoken Digit Dataset. Argument: an archive or folder of
// files digit_speaker_take.wav (default: the shared data folder's 360 clips).
import { basename } from 'node:path';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { openAudioFolder } from '@amaas/engine-sharp';
import { trainAudio, trainedMediaFiles } from '@amaas/learn/pipelines';
import { sharedDataPath } from '../../tools/test-data.ts';
import { writeBundle } from '../write-bundle.ts';

const SAMPLE_RATE_HZ = 8000;
const [path = sharedDataPath('speech/fsdd_360.tar.gz')] = process.argv.slice(2);
const trained = await trainAudio({
  media: await openAudioFolder(path, {
    sampleRateHz: SAMPLE_RATE_HZ,
    classOf: (file) => basename(file).split('_')[0] ?? null,
  }),
  executor: await createOrtNodeExecutor(),
  name: 'Free Spoken Digit Dataset, 360 clips',
  sampleRateHz: SAMPLE_RATE_HZ,
});
await writeBundle('spoken-digits', {
  files: trainedMediaFiles(trained),
  report: trained.report,
  description: 'Recognises one spoken English digit. It has heard six speakers only: others it understands less well.',
  licence: 'CC-BY-SA-4.0',
  licenceUrl: 'https://creativecommons.org/licenses/by-sa/4.0/',
  notice:
    'Trained on 360 clips of the Free Spoken Digit Dataset (Z. Jackson and contributors,\n' +
    'https://github.com/Jakobovski/free-spoken-digit-dataset), CC BY-SA 4.0; example.json is one of the clips.',
});
