// Makes the bundled spam classifier from the SMS Spam Collection. Argument: that file (default: the shared data folder's).
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { openLabelledLines } from '@amaas/engine-sharp';
import { trainedMediaFiles, trainText } from '@amaas/learn/pipelines';
import { sharedDataPath } from '../../tools/test-data.ts';
import { writeBundle } from '../write-bundle.ts';

const [path = sharedDataPath('text/SMSSpamCollection')] = process.argv.slice(2);
const trained = await trainText({
  media: await openLabelledLines(path, { loneLine: 'join' }), // one message is broken over two lines
  executor: await createOrtNodeExecutor(),
  name: 'SMS Spam Collection',
  // Smaller than the standard: half a megabyte, for no loss of quality that could be measured.
  vectoriser: {
    words: { lengths: [1, 2], maxFeatures: 2000 },
    characters: { lengths: [2, 4], maxFeatures: 4000 },
  },
});
await writeBundle('spam', {
  files: trainedMediaFiles(trained),
  report: trained.report,
  description: 'Tells spam from other text messages (English SMS).',
  isolation: 'thread', // its loops go over the words of a text and end with them
  licence: 'CC-BY-4.0',
  licenceUrl: 'https://creativecommons.org/licenses/by/4.0/',
  notice:
    'Trained on the SMS Spam Collection v.1 (T. A. Almeida, J. M. Gómez Hidalgo), which the UCI Machine Learning Repository\n' +
    'gives out under CC BY 4.0. The model holds pieces of words of it; example.json is one of its messages.',
});
