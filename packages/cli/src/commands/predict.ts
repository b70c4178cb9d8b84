// `amaas predict`: asks a model once and shows the answer.
import { type AmaasClient, type InferenceResult, tensorToNested } from '@amaas/client';
import { type Manifest, type NamedTensors, parseModelReference } from '@amaas/core';
import type { Command } from 'commander';
import { type CommandContext, connect, optionsOf, UsageError } from '../command-context.ts';
import {
  addInputOptions,
  type InputOptions,
  joinRows,
  manifestOf,
  readInputBatches,
  resolveManifest,
  servedSampleRate,
  servedColumns,
} from '../inputs/index.ts';
import { outputsText } from '../output-text.ts';
import { addReadingOptions, type ReadingFlags, readReadingFlags } from '../training/train-flags.ts';

interface PredictOptions extends InputOptions, ReadingFlags {
  readonly output?: readonly string[];
}

export function registerPredict(program: Command, context: CommandContext): void {
  const command = addInputOptions(
    program
      .command('predict <model> [file]')
      .description(
        'ask a model, given as name, name:label or name@version; inputs from @file (.json, .npy, .npz, .csv, .parquet, .jsonl, .wav, a picture) or an option; a model trained from a table gets its columns by name, read as `train` and `eval` read files',
      ),
  ).option('--output <name...>', 'only these outputs');
  addReadingOptions(command)
    .addHelpText(
      'after',
      `
Example:
  $ amaas predict iris --data '[[5.1, 3.5, 1.4, 0.2]]'
  $ amaas predict resnet:production --image cat.jpg
  $ amaas predict sentiment --text 'what a lovely film' 'a waste of time'
  $ amaas predict iris @flowers.csv
  $ amaas predict digits clip.wav --output text
  $ amaas predict heart --data '{"age": 63, "sex": "male", …}'     one row; a list of such objects asks for several
  $ amaas predict encoder --input ids=@ids.npy --input mask='[[1, 1, 0]]' --json`,
    )
    .action(async (text: string, file: string | undefined, _options: unknown, command: Command) => {
      const options = optionsOf<PredictOptions>(command);
      const reference = parseModelReference(text);
      const client = await connect(context, options);
      const { inputs: specs, platform } = await client.metadata(text);
      if (platform === LANGUAGE_PLATFORM)
        throw new UsageError(`"${text}" is a language model; ask it with: amaas chat ${text}`);
      const manifest = () => resolveManifest(client, reference);
      const columns = () => servedColumns(client, reference, specs);
      const sampleRate = () => servedSampleRate(client, reference);
      const target = { model: text, specs, manifest, columns, sampleRate };
      const reading = readReadingFlags(options);
      const batches = await readInputBatches(context.world, target, { ...options, file, reading });
      if (batches === null)
        throw new UsageError(
          'give the inputs: @file, --data, --text, --input, --image or --csv; see: amaas predict --help',
        );
      const result = await inferAll(client, text, { batches, outputs: options.output });
      if (options.json) context.terminal.print(resultJson(result));
      else {
        context.terminal.print(outputsText(result.outputs, await labelsOf(client, result)));
      }
    });
}

/** What language models run on, in the words of the metadata route. */
const LANGUAGE_PLATFORM = 'llama.cpp';

/** Asks for batch after batch, all of the version that answered the first. */
async function inferAll(
  client: AmaasClient,
  model: string,
  {
    batches,
    outputs,
  }: {
    readonly batches: AsyncIterable<NamedTensors> | Iterable<NamedTensors>;
    readonly outputs: readonly string[] | undefined;
  },
): Promise<InferenceResult> {
  const { model: name } = parseModelReference(model);
  const results: InferenceResult[] = [];
  for await (const inputs of batches) {
    const version = results[0]?.version ?? null;
    const asked = version === null ? model : `${name}@${version}`;
    results.push(await client.infer(asked, inputs, outputs === undefined ? {} : { outputs }));
  }
  const [first] = results;
  if (first === undefined) throw new UsageError('there are no rows');
  return { ...first, outputs: joinRows(results.map((result) => result.outputs)) };
}

/** Class names of the version that answered; null where it has none or the key may not ask. */
async function labelsOf(client: AmaasClient, { model, version }: InferenceResult): Promise<readonly string[] | null> {
  if (version === null) return null;
  const { labels } = await manifestOf(client, model, version).catch((): Manifest => ({}));
  return typeof labels === 'object' ? labels : null; // a text would name a file, which the server has read by now
}

/** The answer for machines; integers that JSON readers would round are written exactly all the same. */
function resultJson({ model, version, outputs }: InferenceResult): string {
  const shown = [...outputs].map(([name, tensor]) => ({
    name,
    dtype: tensor.dtype,
    shape: tensor.shape,
    data: tensorToNested(tensor),
  }));
  return JSON.stringify({ model, version, outputs: shown }, (_key, value: unknown) =>
    typeof value === 'bigint' ? exactNumber(value) : nonFiniteAsText(value),
  );
}

/** A number as JSON, digit for digit. Node has JSON.rawJSON (ES2026), TypeScript's library not yet. */
function exactNumber(value: bigint): unknown {
  return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(String(value));
}

/** JSON has no word for NaN and the infinities; null would hide which it was. */
function nonFiniteAsText(value: unknown): unknown {
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
}
