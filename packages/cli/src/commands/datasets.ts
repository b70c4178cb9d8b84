// `amaas datasets`: files to learn from.
import { createReadStream } from 'node:fs';
import { open, rm, stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream as WebReadableStream } from 'node:stream/web';
import type { AmaasClient, Dataset, DatasetVersion } from '@amaas/client';
import { AmaasError, isName, NAME_RULE } from '@amaas/core';
import { formatTableSummary, type TableSummary } from '@amaas/learn/data';
import type { Command } from 'commander';
import { type CommandContext, connect, optionsOf, show, UsageError } from '../command-context.ts';
import { formatBytes, pairs, progressBar, table } from '../terminal.ts';

export function registerDatasets(program: Command, context: CommandContext): void {
  const datasets = program
    .command('datasets')
    .description('upload, list and delete files to learn from')
    .addHelpText(
      'after',
      '\nExample:\n  $ amaas datasets upload heart.csv --name heart\n  $ amaas datasets show heart',
    );
  registerLooking(datasets, context);
  registerUpload(datasets, context);
  registerDownload(datasets, context);
  registerDelete(datasets, context);
}

function registerLooking(datasets: Command, context: CommandContext): void {
  datasets
    .command('list')
    .description('every dataset with its newest version')
    .addHelpText('after', '\nExample:\n  $ amaas datasets list --json')
    .action(async (_options: unknown, command: Command) => {
      const options = optionsOf(command);
      const list = await (await connect(context, options)).datasets.list();
      show(context, options, { datasets: list }, () => datasetListText(list));
    });
  datasets
    .command('show <dataset>')
    .description('one dataset with its versions, or one version: heart@2')
    .addHelpText('after', '\nExample:\n  $ amaas datasets show heart\n  $ amaas datasets show heart@2')
    .action(async (text: string, _options: unknown, command: Command) => {
      const options = optionsOf(command);
      const { name, version } = readReference(text);
      const client = await connect(context, options);
      if (version !== undefined) {
        const found = await client.datasets.getVersion(name, version);
        return show(context, options, found, () => versionText(found));
      }
      const dataset = await client.datasets.get(name);
      show(context, options, dataset, () => versionTable(dataset.versions));
    });
}

interface UploadOptions {
  readonly name?: string;
  readonly setVersion?: string;
}

function registerUpload(datasets: Command, context: CommandContext): void {
  datasets
    .command('upload <file>')
    .description('put a file into the server as the next version; the same contents again change nothing')
    .option('--name <name>', 'name of the dataset (default: that of the file, without its ending)')
    .option('--set-version <n>', 'a number of your own instead of the next')
    .addHelpText('after', '\nExample:\n  $ amaas datasets upload heart.csv --name heart')
    .action(async (file: string, _options: unknown, command: Command) => {
      const options = optionsOf<UploadOptions>(command);
      const { setVersion } = options;
      const client = await connect(context, options);
      const uploaded = await uploadDataset(context, client, {
        path: resolve(context.world.cwd, file),
        ...(options.name === undefined ? {} : { name: options.name }),
        ...(setVersion === undefined ? {} : { version: readVersion(setVersion) }),
      });
      show(context, options, uploaded, () => versionText(uploaded));
    });
}

/** Uploads a file with a progress bar; without a name it is called as the file is, as far as names may be. */
export async function uploadDataset(
  { terminal }: CommandContext,
  client: AmaasClient,
  file: { readonly path: string; readonly name?: string; readonly version?: number },
): Promise<DatasetVersion> {
  const { path, version } = file;
  const found = await stat(path).catch((cause: unknown) => {
    throw new AmaasError('INVALID_ARGUMENT', `datasets upload: there is no file ${path}`, { cause });
  });
  if (!found.isFile()) throw new AmaasError('INVALID_ARGUMENT', `datasets upload: ${path} is not a file`);
  if (found.size === 0) {
    throw new AmaasError('INVALID_DATA', `datasets upload: ${path} is empty (0 bytes); check where it came from`);
  }
  const fileName = basename(path);
  const name = file.name ?? nameOfFile(fileName);
  const uploaded = await client.datasets.upload({
    name,
    fileName,
    ...(version === undefined ? {} : { version }),
    // A stream of a file gives Uint8Array chunks; Node's type of the same web stream leaves that open.
    content: () => Readable.toWeb(createReadStream(path)) as ReadableStream<Uint8Array>,
    onProgress: (sentBytes) =>
      terminal.progress(
        progressBar('upload', sentBytes, found.size, `${formatBytes(sentBytes)} of ${formatBytes(found.size)}`),
      ),
  });
  terminal.clearProgress();
  return uploaded;
}

function nameOfFile(fileName: string): string {
  const name = fileName
    .replace(/\.[A-Za-z0-9]+$/, '')
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, '-')
    .replace(/^[^a-z0-9]+/, '');
  if (isName(name)) return name;
  throw new UsageError(`cannot make a name of ${JSON.stringify(fileName)}; give one with --name (${NAME_RULE})`);
}

function registerDownload(datasets: Command, context: CommandContext): void {
  datasets
    .command('download <dataset> <file>')
    .description('write a version (heart@2; without a number the newest) to a file that is not there yet')
    .addHelpText('after', '\nExample:\n  $ amaas datasets download heart@2 heart-2.csv')
    .action(async (text: string, file: string, _options: unknown, command: Command) => {
      const options = optionsOf(command);
      const { name, version } = readReference(text);
      const client = await connect(context, options);
      const number = version ?? (await client.datasets.get(name)).versions.at(-1)?.version ?? 1;
      const path = resolve(context.world.cwd, file);
      const handle = await open(path, 'wx');
      try {
        const content = await client.datasets.download(name, number);
        // One class under two types.
        await pipeline(Readable.fromWeb(content as WebReadableStream<Uint8Array>), handle.createWriteStream());
      } catch (thrown) {
        await rm(path, { force: true });
        throw thrown;
      } finally {
        await handle.close();
      }
      show(context, options, { dataset: name, version: number, file: path }, () => `${name}@${number} is in ${path}`);
    });
}

function registerDelete(datasets: Command, context: CommandContext): void {
  datasets
    .command('delete <dataset>')
    .description('delete a dataset with all its versions, or one version: heart@1')
    .option('--force', 'also while runs refer to it; they keep its digest')
    .addHelpText('after', '\nExample:\n  $ amaas datasets delete heart@1')
    .action(async (text: string, _options: unknown, command: Command) => {
      const options = optionsOf<{ readonly force?: true }>(command);
      const { name, version } = readReference(text);
      const client = await connect(context, options);
      await client.datasets.remove(name, {
        ...(version === undefined ? {} : { version }),
        force: options.force ?? false,
      });
      show(context, options, { deleted: text }, () => `${text} is deleted`);
    });
}

/** Reads `heart` or `heart@2`. */
function readReference(text: string): { readonly name: string; readonly version?: number } {
  const at = text.lastIndexOf('@');
  return at <= 0 ? { name: text } : { name: text.slice(0, at), version: readVersion(text.slice(at + 1)) };
}

function readVersion(text: string): number {
  if (/^[1-9][0-9]{0,15}$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text);
  throw new UsageError(`version must be a whole number ≥ 1, got ${JSON.stringify(text)}`);
}

function datasetListText(list: readonly Dataset[]): string {
  if (list.length === 0) return 'No datasets yet. Upload one with: amaas datasets upload <file>';
  return versionTable(list.flatMap(({ versions }) => versions.slice(-1)));
}

function versionTable(versions: readonly DatasetVersion[]): string {
  const rows = versions.map((version) => [
    version.name,
    String(version.version),
    formatBytes(version.sizeBytes),
    version.fileName ?? '',
    version.createdAt.slice(0, 19).replace('T', ' '),
    version.createdBy,
  ]);
  return table(['DATASET', 'VERSION', 'SIZE', 'FILE', 'UPLOADED', 'BY'], rows);
}

function versionText(version: DatasetVersion): string {
  const head = pairs([
    ['dataset', `${version.name}@${version.version}`],
    ['digest', version.digest],
    ['size', formatBytes(version.sizeBytes)],
    ['file', version.fileName ?? 'no name was given'],
    ['type', version.mediaType],
    ['uploaded', `${version.createdAt} by ${version.createdBy}`],
  ]);
  return version.summary === null ? head : `${head}\n\n${summaryText(version.summary)}`;
}

/** What the server's look at the file found; another kind of look as it is. */
function summaryText(summary: unknown): string {
  const { columns, findings, rowCount } = Object(summary) as { readonly [name: string]: unknown }; // looked at below
  const isTable = Array.isArray(columns) && Array.isArray(findings) && typeof rowCount === 'number';
  // The server keeps what `summarizeTable` of the same release gave.
  return isTable ? formatTableSummary(summary as TableSummary) : JSON.stringify(summary, null, 2);
}
