// The work of a job `fine-tune`, in its child process: reads the training file whole, trains on it, and leaves the model as
// the file that is served, with its adapter. What must outlive the job lies in the fine-tuning's folder. Knows no engines.
import { open, readFile } from 'node:fs/promises';
import { AmaasError, type Executor, type LanguageEngine, type LanguageModelFile } from '@amaas/core';
import { type GgufFile, readGguf } from '@amaas/learn/gguf';
import { type FineTuned, fineTuneLlama, llamaFromGguf, type LoadedLlama } from '@amaas/learn/language';
import type { Hyperparameters } from '@amaas/protocols/fine-tuning';
import type { ConversationFormatProvider } from '../dataplane/index.ts';
import type { JobRuntime, Json } from '../jobs/index.ts';
import { type FineTuningExamples, keepExamples, loadExamples } from './examples.ts';
import { readExamples } from './training-file.ts';
import {
  type FineTuningPaths,
  type FineTuningPlan,
  fineTuningPaths,
  keepJson,
  loadJson,
  type MeasuredEpoch,
  noteEvent,
} from './folder.ts';
import { type FineTuningInputs, type FineTuningOutcome, quantizationOf, writeResults } from './results.ts';
import { ModelTokens } from './tokens.ts';
import { readFileOrNull, replaceFile } from '../artifacts/index.ts';

/** Between events that tell the loss, at least. */
const METRICS_EVERY_MS = 1000;

/** What reads the model and trains it; the child's entry supplies it. */
export interface FineTuningRuntime {
  readonly engine: Pick<LanguageEngine, 'inspect'>;
  readonly formats: ConversationFormatProvider;
  readonly createExecutor: () => Promise<Executor>;
}

/** @returns what the hook `finish` is given */
export async function trainFineTuning(job: JobRuntime, runtime: FineTuningRuntime): Promise<Json> {
  const inputs = job.inputs as unknown as FineTuningInputs; // what `begin` returned
  const paths = fineTuningPaths(inputs.folder);
  const note = (message: string, data: Json & object = {}): Promise<void> =>
    noteEvent(paths, Date.now(), { level: 'info', type: 'message', message, data: { ...data } });
  job.progress({ phase: 'validate', fraction: null });
  const gguf = await openGguf(inputs.modelPath);
  const file = await runtime.engine.inspect(inputs.modelPath);
  const base = await llamaFromGguf(gguf);
  const examples =
    (await loadExamples(paths)) ??
    (await validate(inputs, { gguf, base, file, paths, note, formats: runtime.formats }));
  const known = await loadJson<FineTuningPlan>(paths.plan);
  const plan = known ?? planOf(inputs.hyperparameters, examples);
  if (known === null) await keepJson(paths.plan, plan);
  await note(known === null ? 'Training begins' : 'Training goes on', { ...plan });
  const executor = await runtime.createExecutor();
  const tuned = await train(job, { inputs, base, examples, plan, paths, executor });
  job.progress({ phase: 'write', fraction: 1, step: tuned.steps, totalSteps: tuned.steps });
  const quantization = quantizationOf(file.quantization);
  const metrics = await writeResults(job.directory, { gguf, tuned, quantization, paths });
  const outcome: FineTuningOutcome = { metrics, trainedTokens: plan.tokens * plan.epochs, plan, quantization };
  return outcome as unknown as Json; // plain data throughout
}

interface Validating {
  readonly gguf: GgufFile;
  readonly base: LoadedLlama;
  readonly file: LanguageModelFile;
  readonly paths: FineTuningPaths;
  readonly note: (message: string, data?: Json & object) => Promise<void>;
  readonly formats: ConversationFormatProvider;
}

/** @throws INVALID_DATA naming every line that cannot be used */
async function validate(
  inputs: FineTuningInputs,
  { gguf, base, file, paths, note, formats }: Validating,
): Promise<FineTuningExamples> {
  const { label, language: manifest, chatTemplate } = inputs;
  if (base.tokenizer === null) throw new AmaasError('INVALID_MODEL', `fine-tune: "${label}" has no tokenizer`);
  const format = await formats.open({ label, file, manifest, chatTemplate });
  const tokens = new ModelTokens(base.tokenizer, base.specialTokens, gguf.metadata);
  const parts = { format, tokens, maxTokens: base.options.blockSize };
  await note('Validating the files');
  const training = readExamples(await readFile(inputs.training), {
    ...parts,
    ...{ param: 'training_file', name: 'training file' },
  });
  const validation =
    inputs.validation === null
      ? null
      : readExamples(await readFile(inputs.validation), {
          ...parts,
          ...{ param: 'validation_file', name: 'validation file' },
        });
  const examples = {
    count: training.examples,
    training: training.sequences,
    validation: validation?.sequences ?? [],
  };
  await keepExamples(paths, examples);
  await note('The files are valid', { examples: training.examples, validation_examples: validation?.examples ?? 0 });
  return examples;
}

/** So many updates are enough to learn from a handful of examples, whatever their number. */
const WANTED_STEPS = 150;
const MOST_AUTOMATIC_EPOCHS = 25;
const LEAST_AUTOMATIC_EPOCHS = 3;
const MOST_AUTOMATIC_BATCH = 16;

function planOf(
  { epochs, batchSize, learningRateMultiplier }: Hyperparameters,
  examples: FineTuningExamples,
): FineTuningPlan {
  const { length } = examples.training;
  const rows = batchSize === 'auto' ? Math.max(1, Math.min(MOST_AUTOMATIC_BATCH, Math.round(length / 50))) : batchSize;
  const perPass = Math.ceil(length / rows);
  const passes = Math.max(LEAST_AUTOMATIC_EPOCHS, Math.min(MOST_AUTOMATIC_EPOCHS, Math.ceil(WANTED_STEPS / perPass)));
  const chosen = epochs === 'auto' ? passes : epochs;
  return {
    epochs: chosen,
    batchSize: rows,
    learningRateMultiplier: learningRateMultiplier === 'auto' ? 1 : learningRateMultiplier,
    examples: examples.count,
    tokens: examples.training.reduce((sum, { ids }) => sum + ids.length, 0),
  };
}

interface Training {
  readonly inputs: FineTuningInputs;
  readonly base: LoadedLlama;
  readonly examples: FineTuningExamples;
  readonly plan: FineTuningPlan;
  readonly paths: FineTuningPaths;
  readonly executor: Executor;
}

async function train(job: JobRuntime, { inputs, base, examples, plan, paths, executor }: Training): Promise<FineTuned> {
  const measured: MeasuredEpoch[] = [...((await loadJson<MeasuredEpoch[]>(paths.epochs)) ?? [])];
  const { epochs, batchSize, learningRateMultiplier } = plan;
  let [startedMs, startStep, notedMs] = [0, 0, 0];
  let noting = Promise.resolve();
  const { lora } = inputs.hyperparameters;
  const tuned = await fineTuneLlama({
    base,
    training: examples.training,
    validation: examples.validation,
    ...{ lora, epochs, batchSize, learningRateMultiplier },
    seed: inputs.seed,
    executor,
    signal: job.signal,
    checkpoint: {
      store: {
        load: () => readFileOrNull(paths.checkpoint),
        async save(bytes) {
          await replaceFile(paths.checkpoint, bytes);
          job.checkpoint({ bytes: bytes.byteLength });
        },
      },
    },
    onProgress({ step, steps, epoch, loss, accuracy }) {
      const nowMs = Date.now();
      if (startedMs === 0) [startedMs, startStep] = [nowMs, step];
      const perStepMs = step > startStep ? (nowMs - startedMs) / (step - startStep) : null;
      job.progress({
        ...{ phase: 'train', fraction: step / steps, step, totalSteps: steps, loss, metrics: { accuracy } },
        message: `epoch ${epoch} of ${epochs}`,
        ...(perStepMs === null ? {} : { detail: { finishesAtMs: Math.round(nowMs + perStepMs * (steps - step)) } }),
      });
      if (nowMs - notedMs < METRICS_EVERY_MS) return;
      notedMs = nowMs;
      const data = { step, total_steps: steps, train_loss: loss, train_mean_token_accuracy: accuracy };
      const message = `Step ${step}/${steps}: training loss=${loss.toFixed(4)}`;
      noting = noting.then(() => noteEvent(paths, nowMs, { level: 'info', type: 'metrics', message, data }));
    },
    async onEpoch(record) {
      const { epoch, step, loss, accuracy, validationLoss, validationAccuracy } = record;
      const atMs = Date.now();
      // After a crash an epoch may come again: it is the same one.
      measured.splice(epoch - 1);
      measured.push({ epoch, step, atMs, loss, accuracy, validationLoss, validationAccuracy });
      await keepJson(paths.epochs, measured);
      await noting;
      const held = validationLoss === null ? '' : `, validation loss=${validationLoss.toFixed(4)}`;
      const message = `Epoch ${epoch}/${epochs}: training loss=${loss.toFixed(4)}${held}`;
      const data = {
        ...{ step, epoch, train_loss: loss, train_mean_token_accuracy: accuracy },
        ...(validationLoss === null ? {} : { full_valid_loss: validationLoss }),
        ...(validationAccuracy === null ? {} : { full_valid_mean_token_accuracy: validationAccuracy }),
      };
      await noteEvent(paths, atMs, { level: 'info', type: 'metrics', message, data });
    },
  });
  await noting;
  return tuned;
}

async function openGguf(path: string): Promise<GgufFile> {
  const file = await open(path);
  const { size } = await file.stat();
  // Open until the process ends, which does nothing but this.
  return readGguf({
    byteLength: size,
    async read(start, end) {
      const bytes = new Uint8Array(end - start);
      const { bytesRead } = await file.read(bytes, 0, bytes.length, start);
      return bytes.subarray(0, bytesRead);
    },
  });
}
