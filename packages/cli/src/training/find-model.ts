// A trained model to be evaluated: in a file or folder here, or served under a name. Either way what it says about what it
// takes, and a way to run it.
import { readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { AmaasError, type NamedTensors, parseModelReference } from '@amaas/core';
import {
  type MediaModelDescription,
  parseMediaDescription,
  parseTableDescription,
  PROBABILITIES_OUTPUT,
  type RunMediaModel,
  type RunTableModel,
  readMediaDescription,
  readTableDescription,
  scoresOutput,
  type TableModelDescription,
  withMediaModel,
  withTableModel,
} from '@amaas/learn/pipelines';
import { type CommandContext, connect, type SharedOptions } from '../command-context.ts';
import { answeringVersion } from '../inputs/index.ts';
import { importInstalled } from './open-source.ts';

interface Found<Description, Run> {
  /** As reports show it. */
  readonly name: string;
  readonly description: Description;
  /** Lets `work` run it. */
  use<Result>(work: (run: Run) => Promise<Result>): Promise<Result>;
}

export type FoundModel = Found<TableModelDescription, RunTableModel>;
export type FoundMediaModel = Found<MediaModelDescription, RunMediaModel>;

/** @throws INVALID_MODEL when it is none that was trained from a table, MODEL_NOT_FOUND */
export async function findModel(context: CommandContext, given: string, options: SharedOptions): Promise<FoundModel> {
  const place = await locate(context, given, options);
  if (place.kind === 'file') {
    const { onnx } = place;
    const description = readTableDescription(onnx);
    return {
      name: given,
      description,
      use: async (work) => withTableModel(await createExecutor(), { onnx, description }, work),
    };
  }
  const description = parseTableDescription(place.said('table'));
  const output = scoresOutput(description);
  return { name: place.name, description, use: (work) => work((inputs) => place.run(inputs, output)) };
}

/** @throws INVALID_MODEL when it is none that was trained from a folder, MODEL_NOT_FOUND */
export async function findMediaModel(
  context: CommandContext,
  given: string,
  options: SharedOptions,
): Promise<FoundMediaModel> {
  const place = await locate(context, given, options);
  if (place.kind === 'file') {
    const { onnx } = place;
    const description = readMediaDescription(onnx);
    if (description === null) throw noMediaModel(given);
    return { name: given, description, use: async (work) => withMediaModel(await createExecutor(), onnx, work) };
  }
  const said = place.said('media');
  if (said === null) throw noMediaModel(place.name);
  const run: RunMediaModel = (input, values) => place.run(new Map([[input, values]]), PROBABILITIES_OUTPUT);
  return { name: place.name, description: parseMediaDescription(said), use: (work) => work(run) };
}

function noMediaModel(name: string): AmaasError {
  return new AmaasError(
    'INVALID_MODEL',
    `eval: ${name} does not say how files become what it takes; expected a model that \`amaas train\` made of a folder`,
  );
}

type Place = { readonly kind: 'file'; readonly onnx: Uint8Array } | ServedModel;

interface ServedModel {
  readonly kind: 'served';
  /** With the version. */
  readonly name: string;
  /** What the version's training has left about it under a key of its configuration; null for nothing. */
  said(key: string): unknown;
  run(inputs: NamedTensors, output: string): ReturnType<RunTableModel>;
}

async function locate(context: CommandContext, given: string, options: SharedOptions): Promise<Place> {
  const path = resolve(context.world.cwd, given);
  const isFolder = (await stat(path).catch(() => null))?.isDirectory() === true;
  const file = isFolder ? join(path, 'model.onnx') : path;
  // A folder without a model is no model: models are called as the folders of data that they were trained of.
  if ((await stat(file).catch(() => null)) === null) return locateServed(context, given, options);
  return { kind: 'file', onnx: await readFile(file) };
}

async function locateServed(context: CommandContext, given: string, options: SharedOptions): Promise<ServedModel> {
  if (/[\\/]|\.onnx$/.test(given)) throw new AmaasError('INVALID_MODEL', `eval: there is no model in ${given}`);
  const reference = parseModelReference(given);
  const client = await connect(context, options);
  const version = await answeringVersion(client, reference);
  if (version === null) throw new AmaasError('MODEL_NOT_READY', `eval: no version of "${given}" answers at the moment`);
  const { lineage, format } = await client.models.getVersion(reference.model, version);
  if (format === 'gguf') {
    throw new AmaasError(
      'INVALID_MODEL',
      `eval: "${given}" is a language model; name its .gguf file, which is loaded here`,
    );
  }
  const { configuration } = lineage;
  const pinned = `${reference.model}@${version}`;
  return {
    kind: 'served',
    name: pinned,
    said(key) {
      if (typeof configuration !== 'object' || configuration === null) return null;
      return new Map<string, unknown>(Object.entries(configuration)).get(key) ?? null;
    },
    run: async (inputs, output) => (await client.infer(pinned, inputs, { outputs: [output] })).outputs.get(output),
  };
}

async function createExecutor() {
  const { createOrtNodeExecutor } = await importInstalled(() => import('@amaas/engine-ort-node'));
  return createOrtNodeExecutor();
}
