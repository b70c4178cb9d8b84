// A table model to be evaluated: in a file or folder here, or served under a name. Either way what it says about its
// columns, and a way to run it.
import { readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { AmaasError, type NamedTensors, parseModelReference } from '@amaas/core';
import {
  parseTableDescription,
  type RunTableModel,
  readTableDescription,
  scoresOutput,
  type TableModelDescription,
  withTableModel,
} from '@amaas/learn/pipelines';
import { type CommandContext, connect, type SharedOptions } from '../command-context.ts';
import { answeringVersion } from '../inputs/index.ts';
import { importInstalled } from './open-source.ts';

export interface FoundModel {
  /** As reports show it. */
  readonly name: string;
  readonly description: TableModelDescription;
  /** Lets `work` run it. */
  use<Result>(work: (run: RunTableModel) => Promise<Result>): Promise<Result>;
}

/** @throws INVALID_MODEL when it is none that was trained from a table, MODEL_NOT_FOUND */
export async function findModel(context: CommandContext, given: string, options: SharedOptions): Promise<FoundModel> {
  const path = resolve(context.world.cwd, given);
  const found = await stat(path).catch(() => null);
  if (found === null) return findServed(context, given, options);
  const onnx = await readFile(found.isDirectory() ? join(path, 'model.onnx') : path);
  const description = readTableDescription(onnx);
  return {
    name: given,
    description,
    async use(work) {
      const { createOrtNodeExecutor } = await importInstalled(() => import('@amaas/engine-ort-node'));
      return withTableModel(await createOrtNodeExecutor(), { onnx, description }, work);
    },
  };
}

async function findServed(context: CommandContext, given: string, options: SharedOptions): Promise<FoundModel> {
  if (/[\\/]|\.onnx$/.test(given)) throw new AmaasError('INVALID_MODEL', `eval: there is no file or folder ${given}`);
  const reference = parseModelReference(given);
  const client = await connect(context, options);
  const version = await answeringVersion(client, reference);
  if (version === null) throw new AmaasError('MODEL_NOT_READY', `eval: no version of "${given}" answers at the moment`);
  const { lineage } = await client.models.getVersion(reference.model, version);
  const { configuration } = lineage;
  const table =
    typeof configuration === 'object' && configuration !== null && 'table' in configuration
      ? configuration.table
      : null;
  const description = parseTableDescription(table);
  const output = scoresOutput(description);
  const pinned = `${reference.model}@${version}`;
  const run = async (inputs: NamedTensors) =>
    (await client.infer(pinned, inputs, { outputs: [output] })).outputs.get(output);
  return { name: pinned, description, use: (work) => work(run) };
}
