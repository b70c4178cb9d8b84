// A bidirectional LSTM that tells good reviews from bad ones: raw texts in, one served model out that takes raw texts.
// Without a folder the reviews are made up. A folder has a file per class, such as negative.txt and positive.txt, with a
// review per line.
// Run: npx node examples/bilstm-sentiment.ts [where to write the model] [folder]
import { writeFile } from 'node:fs/promises';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { formatReport } from '@amaas/learn/evaluate';
import { trainText } from '@amaas/learn/pipelines';
import { openReviews } from './data/made-reviews.ts';

const [out = 'bilstm-sentiment.onnx', folder] = process.argv.slice(2);
const { onnx, report, candidate, test } = await trainText({
  media: await openReviews(folder, 500),
  executor: await createOrtNodeExecutor(),
  candidates: ['recurrent'],
  training: { epochs: 15, learningRate: 0.005 },
  onEvent: (event) => {
    if (event.kind !== 'epoch') return;
    const { epoch, values } = event.record;
    process.stderr.write(
      `\r${event.candidate}, epoch ${epoch}, validation loss ${values['validation loss']?.toFixed(4)} `,
    );
  },
});
process.stdout.write(`\n${formatReport(report)}\n`);
await writeFile(out, onnx);
process.stdout.write(`${candidate.name}, ${onnx.byteLength} bytes, input "${test.example.input}", written to ${out}\n`);
