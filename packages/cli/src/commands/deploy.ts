// `amaas deploy`: a file, a folder or a URL becomes the next version of a model.
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { AmaasClient, DeployFile, DeployProgress, DeployUrlOptions, VersionDetail } from '@amaas/client';
import { AmaasError, assertName } from '@amaas/core';
import type { Command } from 'commander';
import { type CommandContext, connect, optionsOf, type SharedOptions, show } from '../command-context.ts';
import { digestLocalFile, listLocalFiles } from '../deploy-files.ts';
import { versionText } from '../model-text.ts';
import { formatBytes, progressBar, withSpinner } from '../terminal.ts';

interface DeployCommandOptions {
  readonly name: string;
  readonly label?: readonly string[];
  readonly manifest?: string;
}

export function registerDeploy(program: Command, context: CommandContext): void {
  program
    .command('deploy <source>')
    .description(
      'put a model into the server: an .onnx or .gguf file, a folder with one of them (and amaas.json, labels, weights), or a URL',
    )
    .requiredOption('--name <name>', 'name of the model; a new version is made when it exists')
    .option('--label <label...>', 'labels that move to the new version, such as production')
    .option('--manifest <file>', 'a JSON file like amaas.json, for what the model file cannot say')
    .addHelpText(
      'after',
      '\nExample:\n  $ amaas deploy resnet50.onnx --name resnet --label production\n  $ amaas deploy qwen.gguf --name chat\n  $ amaas deploy ./resnet --name resnet\n  $ amaas deploy https://example.com/resnet.onnx --name resnet',
    )
    .action(async (source: string, _options: unknown, command: Command) => {
      const options = optionsOf<DeployCommandOptions>(command);
      const version = await deploy(context, source, options);
      show(context, options, version, () => versionText(version));
    });
}

async function deploy(
  context: CommandContext,
  source: string,
  options: DeployCommandOptions & SharedOptions,
): Promise<VersionDetail> {
  const { world } = context;
  const target = {
    name: assertName('model', options.name),
    ...(options.label === undefined ? {} : { labels: options.label.map((label) => assertName('label', label)) }),
    ...(options.manifest === undefined ? {} : { manifest: await readManifest(resolve(world.cwd, options.manifest)) }),
  };
  const client = await connect(context, options);
  if (/^https?:\/\//i.test(source)) {
    const work = client.deployUrl({ ...target, url: source });
    return withSpinner(context.terminal, `the server fetches and tries the model`, work);
  }
  return deployLocal(context, client, { target, source: resolve(world.cwd, source) });
}

async function deployLocal(
  { terminal }: CommandContext,
  client: AmaasClient,
  { target, source }: { readonly target: Omit<DeployUrlOptions, 'url'>; readonly source: string },
): Promise<VersionDetail> {
  const localFiles = await listLocalFiles(source);
  const totalBytes = localFiles.reduce((sum, file) => sum + file.sizeBytes, 0);
  const draw = (label: string, doneBytes: number) =>
    terminal.progress(
      progressBar(label, doneBytes, totalBytes, `${formatBytes(doneBytes)} of ${formatBytes(totalBytes)}`),
    );
  const files: DeployFile[] = [];
  let digestedBytes = 0;
  for (const file of localFiles) {
    files.push(
      await digestLocalFile(file, (bytes) => {
        digestedBytes += bytes;
        draw('digest', digestedBytes);
      }),
    );
  }
  const uploaded = Promise.withResolvers<void>();
  const onProgress = (progress: DeployProgress) => {
    if (progress.phase === 'upload') draw('upload', progress.doneBytes);
    if (progress.phase === 'admit') uploaded.resolve();
  };
  const work = client.deploy({ ...target, files, onProgress });
  await Promise.race([uploaded.promise, work]);
  return withSpinner(terminal, 'in quarantine: the server loads and tries the model', work);
}

async function readManifest(path: string): Promise<NonNullable<DeployUrlOptions['manifest']>> {
  const text = await readFile(path, 'utf8');
  try {
    // The server checks it against the schema and says what is wrong with it.
    return JSON.parse(text) as NonNullable<DeployUrlOptions['manifest']>;
  } catch (thrown) {
    throw new AmaasError(
      'INVALID_CONFIG',
      `deploy: ${path} is not JSON: ${thrown instanceof Error ? thrown.message : ''}`,
    );
  }
}
