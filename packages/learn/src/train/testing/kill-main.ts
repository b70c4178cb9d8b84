// The process that `fit-kill.slow.test.ts` kills: the small training, slowed down, with its checkpoints in the file it is
// told. Prints a line per run of steps, and the outcome as JSON when it gets that far.
import { fit } from '../index.ts';
import { fileStore } from './file-store.ts';
import { ortExecutor, SMALL_ROWS, smallExamples, smallNetwork, smallOptions, weightBytes } from './small-training.ts';

const [path = ''] = process.argv.slice(2);

const { model, history, epoch, stoppedEarly } = await fit(smallNetwork(), smallExamples(SMALL_ROWS), {
  ...smallOptions(await ortExecutor()),
  checkpoint: { store: fileStore(path), everyMs: 0 },
  onProgress({ epoch: current, step }) {
    process.stdout.write(`${current} ${step}\n`);
    // So that the killer finds the training under way, not done.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 25);
  },
});
process.stdout.write(`done ${JSON.stringify({ weights: weightBytes(model.weights), history, epoch, stoppedEarly })}\n`);
