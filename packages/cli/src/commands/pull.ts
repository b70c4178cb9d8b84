// `amaas pull`: the server gets a model from Hugging Face, or a mirror of it, and serves it.
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { PullEvent, PullOptions } from '@amaas/client';
import { AmaasError, assertName } from '@amaas/core';
import type { Command } from 'commander';
import { type CommandContext, connect, optionsOf, type SharedOptions, show } from '../command-context.ts';
import { versionText } from '../model-text.ts';
import { formatBytes, progressBar } from '../terminal.ts';
import { withCancelOnSignal } from '../training/cancel-on-signal.ts';

interface PullCommandOptions {
  readonly name?: string;
  readonly label?: readonly string[];
  readonly revision?: string;
  readonly manifest?: string;
}

type Done = Extract<PullEvent, { readonly type: 'done' }>;

export function registerPull(program: Command, context: CommandContext): void {
  program
    .command('pull <model>')
    .description('have the server get a model from Hugging Face: a .gguf file or an ONNX repository')
    .option('--name <name>', "name of the model here (default: the repository's)")
    .option('--label <label...>', 'labels that move to the version, such as production')
    .option('--revision <revision>', 'a branch, a tag or a commit (default: main)')
    .option('--manifest <file>', 'a JSON file like amaas.json, for what the model file cannot say')
    .addHelpText(
      'after',
      '\nExample:\n  $ amaas pull hf:owner/repo:model-Q4_K_M.gguf --name chat\n' +
        '  $ amaas pull hf.co/owner/repo:Q4_K_M          by quantisation\n' +
        '  $ amaas pull hf:owner/onnx-repo               onnx/model.onnx or model.onnx\n\n' +
        'Interrupted, it goes on where it was when it is run again. Private and gated repositories need the\n' +
        "server's setting hubToken (AMAAS_HUB_TOKEN); a mirror is its setting hubUrl (AMAAS_HUB_URL).",
    )
    .action(async (reference: string, _options: unknown, command: Command) => {
      const options = optionsOf<PullCommandOptions>(command);
      const done = await pull(context, reference, options);
      show(context, options, { ...done.version, unchanged: done.unchanged }, () => resultText(done));
    });
}

async function pull(
  context: CommandContext,
  reference: string,
  options: PullCommandOptions & SharedOptions,
): Promise<Done> {
  const { terminal, world } = context;
  const { name, label, revision, manifest } = options;
  const request: PullOptions = {
    reference,
    ...(name === undefined ? {} : { name: assertName('model', name) }),
    ...(label === undefined ? {} : { labels: label.map((each) => assertName('label', each)) }),
    ...(revision === undefined ? {} : { revision }),
    ...(manifest === undefined ? {} : { manifest: await readManifest(resolve(world.cwd, manifest)) }),
  };
  const client = await connect(context, options);
  let hasBegun = false;
  const onBegin = (): void => {
    hasBegun = true;
  };
  try {
    return await withCancelOnSignal(terminal, (signal) =>
      follow(context, options, { events: client.pull({ ...request, signal }), onBegin }),
    );
  } catch (thrown) {
    terminal.clearProgress();
    const isResumable =
      hasBegun &&
      thrown instanceof AmaasError &&
      ['CANCELLED', 'TRANSPORT_FAILED', 'FETCH_FAILED', 'SHUTTING_DOWN'].includes(thrown.reason);
    if (isResumable && !options.json) terminal.note('What has come is kept: the same command goes on where it was.');
    throw thrown;
  }
}

async function follow(
  { terminal }: CommandContext,
  { json }: SharedOptions,
  { events, onBegin }: { readonly events: AsyncIterable<PullEvent>; readonly onBegin: () => void },
): Promise<Done> {
  for await (const event of events) {
    switch (event.type) {
      case 'started':
        onBegin();
        if (!json) terminal.note(startedText(event));
        break;
      case 'progress':
        terminal.progress(progressText(event));
        break;
      case 'done':
        terminal.clearProgress();
        return event;
      default:
        event satisfies never;
    }
  }
  throw new Error('a pull without an end'); // the client throws before
}

function startedText(event: Extract<PullEvent, { readonly type: 'started' }>): string {
  const { model, source, license, files, totalBytes, missingBytes } = event;
  const amount =
    missingBytes === 0
      ? 'nothing to download'
      : missingBytes === totalBytes
        ? formatBytes(totalBytes)
        : `${formatBytes(missingBytes)} of ${formatBytes(totalBytes)} to download`;
  const said = license === null ? '' : `, license ${license}`;
  return `${source} as ${model}: ${files.length} file${files.length === 1 ? '' : 's'}, ${amount}${said}`;
}

function progressText(event: Extract<PullEvent, { readonly type: 'progress' }>): string {
  const { phase, doneBytes, totalBytes, bytesPerSecond, etaMs, waitingFor } = event;
  if (phase === 'admit') return 'in quarantine: the server loads and tries the model';
  if (waitingFor !== null) return `waiting to try again: ${waitingFor}`;
  const speed = bytesPerSecond === null ? '' : `  ${formatBytes(bytesPerSecond)}/s`;
  const left = etaMs === null ? '' : `  ${durationText(etaMs)} left`;
  const amount = `${formatBytes(doneBytes)} of ${formatBytes(totalBytes)}${speed}${left}`;
  return progressBar('pull', doneBytes, totalBytes, amount);
}

/** `8 s`, `2 min 10 s`, `3 h 5 min`. */
function durationText(durationMs: number): string {
  const seconds = Math.ceil(durationMs / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

function resultText({ version, unchanged }: Done): string {
  const said = unchanged
    ? `${version.model}@${version.version} has these files already; no new version was made\n\n`
    : '';
  return `${said}${versionText(version)}`;
}

async function readManifest(path: string): Promise<NonNullable<PullOptions['manifest']>> {
  const text = await readFile(path, 'utf8');
  try {
    // The server checks it against the schema and says what is wrong with it.
    return JSON.parse(text) as NonNullable<PullOptions['manifest']>;
  } catch (thrown) {
    throw new AmaasError(
      'INVALID_CONFIG',
      `pull: ${path} is not JSON: ${thrown instanceof Error ? thrown.message : ''}`,
    );
  }
}
