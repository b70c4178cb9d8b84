// The thread in which the command learns a language model: reads the text, runs the training on ONNX Runtime, says what
// happens and hands over the files that came of it. Writes nothing but checkpoints.
import { languageModelFiles, trainLanguageModel } from '@amaas/learn/language';
import { readTokenizer } from '@amaas/learn/tokenize';
import { openCheckpoints } from './checkpoints.ts';
import type { LanguageEvent, LanguageTrainingResult, LanguageTrainingTask } from './messages.ts';
import { importInstalled } from './open-source.ts';
import type { ThreadHooks } from './run-in-thread.ts';
import { openTextFiles } from './text-corpus.ts';
import { workInThread } from './work-in-thread.ts';

const CHECKPOINT_EVERY_MS = 30_000;
/** Tokens of a sample: some paragraphs. */
const SAMPLE_TOKENS = 160;

await workInThread(train);

async function train(
  { settings, name, path, given, checkpoints, isResumed }: LanguageTrainingTask,
  { signal, onEvent }: ThreadHooks<LanguageEvent>,
): Promise<LanguageTrainingResult> {
  const { tokenizer, prompt, temperature, quantization, ...options } = settings;
  const { corpus, files, bytes, others } = await openTextFiles(path, given);
  onEvent({ kind: 'found', files, bytes, others });
  const { createOrtNodeExecutor } = await importInstalled(() => import('@amaas/engine-ort-node'));
  const trained = await trainLanguageModel({
    ...options,
    corpus,
    executor: await createOrtNodeExecutor(),
    tokenizer: tokenizer.kind === 'given' ? readTokenizer(tokenizer.json) : tokenizer,
    samples: { prompts: [prompt], temperature, maxTokens: SAMPLE_TOKENS },
    checkpoint: {
      store: openCheckpoints(checkpoints, { settings }, isResumed)('model'),
      everyMs: CHECKPOINT_EVERY_MS,
    },
    signal,
    onEvent,
  });
  const { facts, step, stoppedEarly, validation, samples } = trained;
  return {
    files: await languageModelFiles(trained, { name, quantization }),
    ...{ facts, step, stoppedEarly, validation, samples },
  };
}
