// Where the inputs of `predict` and `bench` come from: options of the command line, files of several kinds.
import { readFile } from 'node:fs/promises';
import { extname, resolve } from 'node:path';
import { text as readText } from 'node:stream/consumers';
import { type AmaasClient, type InputValue, tensorsFromValues } from '@amaas/client';
import {
  AmaasError,
  type ImagePreprocess,
  type Manifest,
  type ModelReference,
  type NamedTensors,
  type TensorSpec,
} from '@amaas/core';
import { decodeNpy, decodeNpz } from '@amaas/protocols/npy';
import type { Command } from 'commander';
import { UsageError, type World } from '../command-context.ts';
import { readImageInput } from '../image.ts';
import { wholeNumber } from '../training/flag-values.ts';
import type { TableReading } from '../training/messages.ts';
import { answeringVersion } from './answering-version.ts';
import { readRecording, RECORDING, type SampleRateOf } from './audio-input.ts';
import { inputsFromCsv } from './csv-inputs.ts';
import { inputsFromJson, valueFromJson } from './json-inputs.ts';
import type { ServedColumn } from './served-table.ts';
import { joinRows, readTableInputs } from './table-inputs.ts';
import { asTextSpecs, inputsFromTexts, takesIds } from './text-inputs.ts';

export { answeringVersion } from './answering-version.ts';
export { servedSampleRate } from './audio-input.ts';
export { type ServedColumn, servedColumns } from './served-table.ts';
export { joinRows } from './table-inputs.ts';

export interface InputOptions {
  readonly data?: string;
  readonly input?: readonly string[];
  readonly image?: string;
  readonly inputName?: string;
  readonly csv?: string;
  readonly sampleRate?: string;
  readonly text?: readonly string[];
}

/** What is asked, and what is known about it. */
export interface InputTarget {
  readonly model: string;
  readonly specs: readonly TensorSpec[];
  /** The manifest of the version that will answer; asked for only when that takes something: pictures, texts. */
  readonly manifest: () => Promise<Manifest>;
  /** The columns of a model that takes a table column by column, else null; asked for only when rows of a file are given. */
  readonly columns: () => Promise<readonly ServedColumn[] | null>;
  /** Of the samples a model takes; asked for only when a recording is given. */
  readonly sampleRate: SampleRateOf;
}

/** Adds the options that say where inputs come from. */
export function addInputOptions(command: Command): Command {
  return command
    .option(
      '--data <json>',
      'inputs as JSON: {"name": nested array}, a bare array for a single input, or an OIP request; - reads stdin',
    )
    .option('--input <name=value...>', 'one input: name=@file.npy, name=@file.json or name=<json>')
    .option('--image <file>', "a picture, prepared as the model's manifest declares")
    .option(
      '--text <text...>',
      'texts, a row each, for an input of strings or of ids with a tokenizer; - reads one from stdin',
    )
    .option('--input-name <name>', 'the input --image or --text is for, where several take such')
    .option('--csv <file>', 'rows of a CSV file: one input takes all columns, several take theirs by name')
    .option('--sample-rate <hz>', 'that a recording is brought to, where the model does not say');
}

export interface GivenInputs extends InputOptions {
  readonly file?: string | undefined;
  /** How a table is read where a look at it does not tell. */
  readonly reading?: TableReading;
}

/** The inputs the options ask for; null when they ask for none. @throws UsageError, and what reading the files throws */
export async function readInputs(
  world: World,
  target: InputTarget,
  options: GivenInputs,
): Promise<NamedTensors | null> {
  const batches = await readInputBatches(world, target, options);
  if (batches === null) return null;
  const all: NamedTensors[] = [];
  for await (const batch of batches) all.push(batch);
  return joinRows(all);
}

/** The same, rows of a table in batches to be asked for one after the other. */
export async function readInputBatches(
  world: World,
  target: InputTarget,
  options: GivenInputs,
): Promise<AsyncIterable<NamedTensors> | Iterable<NamedTensors> | null> {
  const { file, data, input, image, csv, text } = options;
  const given = [file, data, input, image, csv, text].filter((each) => each !== undefined);
  if (given.length > 1)
    throw new UsageError('give the inputs one way: a file, --data, --text, --input, --image or --csv');
  if (given.length === 0) return null;
  const path = (file: string) => resolve(world.cwd, file);
  const { reading = {} } = options;
  const table = options.csv ?? tableFile(options.file);
  const columns = table === undefined ? null : await target.columns();
  if (table !== undefined && columns !== null) {
    return readTableInputs({ path: path(table), columns, reading, signal: new AbortController().signal });
  }
  if (Object.keys(reading).length > 0) {
    const what = Object.keys(reading).join(', ');
    throw new UsageError(
      `how a table is to be read (${what}) counts only for files of rows and models that take columns`,
    );
  }
  return [await readWholeInputs(world, target, { options, path })];
}

/** A file of rows by its name. */
function tableFile(argument: string | undefined): string | undefined {
  return argument !== undefined && TABLE_FILE.test(argument) ? argument.slice(1) : undefined;
}

const TABLE_FILE = /^@.*\.(csv|tsv|tab|txt|data|parquet|jsonl|ndjson)(\.gz)?$/i;

async function readWholeInputs(
  world: World,
  target: InputTarget,
  { options, path }: { readonly options: GivenInputs; readonly path: (file: string) => string },
): Promise<NamedTensors> {
  const { model, specs } = target;
  if (options.data !== undefined) {
    const text = options.data === '-' ? await readText(world.stdin) : options.data;
    return inputsFromJson(target, text, '--data');
  }
  if (options.input !== undefined) {
    const values: Record<string, InputValue> = Object.create(null);
    for (const entry of options.input) await addNamedInput(values, entry, path);
    return tensorsFromValues(model, specs, values);
  }
  if (options.image !== undefined) return imageInput(target, path(options.image), options.inputName);
  if (options.text !== undefined) {
    const texts = await Promise.all(options.text.map(async (text) => (text === '-' ? readText(world.stdin) : text)));
    return inputsFromTexts({ model, specs, manifest: await readableManifest(target) }, texts, options.inputName);
  }
  if (options.csv !== undefined) return csvInput(target, path(options.csv));
  const sampleRate = wholeNumber('--sample-rate', options.sampleRate, 1);
  const known = sampleRate === undefined ? target : { ...target, sampleRate: async () => sampleRate };
  return inputsFromFile(known, options.file ?? '', path);
}

async function addNamedInput(
  values: Record<string, InputValue>,
  entry: string,
  path: (file: string) => string,
): Promise<void> {
  const equals = entry.indexOf('=');
  if (equals < 1)
    throw new UsageError(
      `--input must be name=@file.npy, name=@file.json or name=<json>, got ${JSON.stringify(entry)}`,
    );
  const name = entry.slice(0, equals);
  const value = entry.slice(equals + 1);
  if (!value.startsWith('@')) values[name] = valueFromJson(value, `--input ${name}`);
  else {
    const file = path(value.slice(1));
    values[name] =
      extname(file).toLowerCase() === '.npy'
        ? plain(decodeNpy(await readFile(file)))
        : valueFromJson(await readFile(file, 'utf8'), file);
  }
}

/** Without its dtype, so that NumPy's float64 and int64 become what the model declares, where the values allow it. */
function plain({ shape, data }: { readonly shape: readonly number[]; readonly data: unknown }): InputValue {
  return { shape, data } as InputValue; // the data of any tensor is what a shaped input may hold
}

async function inputsFromFile(
  target: InputTarget,
  argument: string,
  path: (file: string) => string,
): Promise<NamedTensors> {
  const isGiven = argument.startsWith('@');
  // A recording can be nothing but a file.
  if (!isGiven && !RECORDING.test(argument)) throw new UsageError(`inputs from a file are given as @${argument}`);
  const file = path(isGiven ? argument.slice(1) : argument);
  const { model, specs } = target;
  if (RECORDING.test(file)) return readRecording(file, { model, specs, sampleRateHz: await target.sampleRate() });
  switch (extname(file).toLowerCase()) {
    case '.json':
      return inputsFromJson(target, await readFile(file, 'utf8'), file);
    case '.csv':
      return csvInput(target, file);
    case '.npy': {
      const [only, second] = specs.filter((spec) => !spec.optional);
      if (only === undefined || second !== undefined)
        throw new UsageError(`model "${model}" has several inputs; give --input name=@${argument.slice(1)}`);
      return tensorsFromValues(model, specs, Object.fromEntries([[only.name, plain(decodeNpy(await readFile(file)))]]));
    }
    case '.npz': {
      const arrays = [...(await decodeNpz(await readFile(file)))].map(
        ([name, tensor]) => [name, plain(tensor)] as const,
      );
      return tensorsFromValues(model, specs, Object.fromEntries(arrays));
    }
    default:
      if (TABLE_FILE.test(argument))
        throw new UsageError(`model "${model}" takes no columns of a table; give .csv, .json, .npy or .npz instead`);
      return imageInput(target, file, undefined);
  }
}

/** A file of rows; texts where the model takes ids and declares how texts become them. */
async function csvInput(target: InputTarget, file: string): Promise<NamedTensors> {
  const { model, specs } = target;
  const text = await readFile(file, 'utf8');
  const manifest = specs.some(takesIds) ? await readableManifest(target) : null;
  return inputsFromCsv(model, manifest === null ? specs : asTextSpecs(specs, manifest), text);
}

async function imageInput(target: InputTarget, file: string, inputName: string | undefined): Promise<NamedTensors> {
  const { model, specs } = target;
  const declared = Object.entries((await target.manifest()).preprocess ?? {}).flatMap(([name, steps]) =>
    steps.kind === 'image' ? [[name, steps] as const] : [],
  );
  const [name, preprocess] = choosePreprocess(model, declared, inputName);
  return tensorsFromValues(model, specs, Object.fromEntries([[name, await readImageInput(file, preprocess)]]));
}

function choosePreprocess(
  model: string,
  declared: readonly (readonly [string, ImagePreprocess])[],
  inputName: string | undefined,
): readonly [string, ImagePreprocess] {
  const fitting = inputName === undefined ? declared : declared.filter(([name]) => name === inputName);
  const [only, second] = fitting;
  if (only !== undefined && second === undefined) return only;
  if (second !== undefined) {
    throw new UsageError(
      `model "${model}" takes several pictures; say which with --input-name: ${declared.map(([name]) => name).join(', ')}`,
    );
  }
  throw new AmaasError(
    'INVALID_CONFIG',
    `model "${model}" declares no preparation of pictures${inputName === undefined ? '' : ` for input "${inputName}"`}; ` +
      'its amaas.json needs "preprocess": {"<input>": {"kind": "image", "width": …, "height": …, "fit": "stretch", "channels": "rgb", "layout": "nchw"}}',
  );
}

/** The manifest of the version that answers under a reference; empty when none does. */
export async function resolveManifest(client: AmaasClient, reference: ModelReference): Promise<Manifest> {
  const version = await answeringVersion(client, reference);
  return version === null ? {} : manifestOf(client, reference.model, version);
}

/** null for a key that may only ask the model. */
async function readableManifest({ manifest }: InputTarget): Promise<Manifest | null> {
  try {
    return await manifest();
  } catch (thrown) {
    if (thrown instanceof AmaasError && thrown.code === 'PERMISSION_DENIED') return null;
    throw thrown;
  }
}

/** The manifest of a version, its labels in place. */
export async function manifestOf(client: AmaasClient, model: string, version: number): Promise<Manifest> {
  return (await client.models.getVersion(model, version)).manifest as Manifest; // its schema describes core's Manifest
}
