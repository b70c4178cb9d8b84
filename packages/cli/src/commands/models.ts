// `amaas models`: looking at what is served and changing it.
import type { VersionPolicy } from '@amaas/client';
import { parseModelReference } from '@amaas/core';
import type { Command } from 'commander';
import { type CommandContext, connect, optionsOf, show, UsageError } from '../command-context.ts';
import { modelListText, modelText, policyText, refusedText, versionText } from '../model-text.ts';
import { withSpinner } from '../terminal.ts';

export function registerModels(program: Command, context: CommandContext): void {
  const models = program
    .command('models')
    .description('look at the models and change what is served')
    .addHelpText('after', '\nExample:\n  $ amaas models list\n  $ amaas models label resnet production 3');
  registerLooking(models, context);
  registerLabels(models, context);
  registerServing(models, context);
  registerDelete(models, context);
}

function registerLooking(models: Command, context: CommandContext): void {
  models
    .command('list')
    .description('every model with its versions')
    .addHelpText('after', '\nExample:\n  $ amaas models list --json')
    .action(async (_options: unknown, command: Command) => {
      const options = optionsOf(command);
      const list = await (await connect(context, options)).models.list();
      show(context, options, { models: list }, () => modelListText(list));
    });
  models
    .command('show <model>')
    .description('one model, or one version of it in full')
    .addHelpText(
      'after',
      '\nExample:\n  $ amaas models show resnet\n  $ amaas models show resnet@3\n  $ amaas models show resnet:production',
    )
    .action(async (text: string, _options: unknown, command: Command) => {
      const options = optionsOf(command);
      const client = await connect(context, options);
      const reference = parseModelReference(text);
      const model = await client.models.get(reference.model);
      const only = model.versions.length === 1 ? model.versions[0]?.version : undefined;
      const labelled = reference.label === undefined ? undefined : (model.labels[reference.label] ?? noLabel(text));
      const version = reference.version ?? labelled ?? only;
      const refused = model.versions.find((each) => each.version === version && each.state === 'REJECTED');
      if (version === undefined || (refused !== undefined && reference.version === undefined))
        return show(context, options, model, () => modelText(model));
      if (refused !== undefined) return show(context, options, refused, () => refusedText(refused));
      const detail = await client.models.getVersion(reference.model, version);
      show(context, options, detail, () => versionText(detail));
    });
}

function noLabel(text: string): never {
  throw new UsageError(`there is no such label: ${text}; see: amaas models list`);
}

function registerLabels(models: Command, context: CommandContext): void {
  models
    .command('label <model> <label> <version>')
    .description('point a label at a version; requests for model:label go there at once')
    .addHelpText('after', '\nExample:\n  $ amaas models label resnet production 3')
    .action(async (model: string, label: string, text: string, _options: unknown, command: Command) => {
      const options = optionsOf(command);
      const version = readVersion(text);
      const client = await connect(context, options);
      const work = client.models.setLabel(model, { label, version });
      const summary = await withSpinner(context.terminal, `loading ${model}@${version}`, work);
      show(context, options, summary, () => `${model}:${label} is now version ${version}`);
    });
  models
    .command('unlabel <model> <label>')
    .description('remove a label')
    .addHelpText('after', '\nExample:\n  $ amaas models unlabel resnet canary')
    .action(async (model: string, label: string, _options: unknown, command: Command) => {
      const options = optionsOf(command);
      await (await connect(context, options)).models.removeLabel(model, label);
      show(context, options, { model, label, removed: true }, () => `${model} has no label ${label} any more`);
    });
}

function registerServing(models: Command, context: CommandContext): void {
  models
    .command('load <model>')
    .description('serve a model again after unload')
    .addHelpText('after', '\nExample:\n  $ amaas models load resnet')
    .action(async (model: string, _options: unknown, command: Command) => {
      const options = optionsOf(command);
      const client = await connect(context, options);
      const summary = await withSpinner(context.terminal, `loading ${model}`, client.models.load(model));
      show(context, options, summary, () => modelText(summary));
    });
  models
    .command('unload <model>')
    .description('stop serving a model and free its memory; nothing is deleted')
    .addHelpText('after', '\nExample:\n  $ amaas models unload resnet')
    .action(async (model: string, _options: unknown, command: Command) => {
      const options = optionsOf(command);
      const client = await connect(context, options);
      const summary = await withSpinner(context.terminal, `unloading ${model}`, client.models.unload(model));
      show(context, options, summary, () => modelText(summary));
    });
  models
    .command('policy <model> <policy>')
    .description(
      'choose which versions are served besides the labelled ones: latest[:n], all, none or numbers like 1,3',
    )
    .addHelpText('after', '\nExample:\n  $ amaas models policy resnet latest:2\n  $ amaas models policy resnet 1,3')
    .action(async (model: string, text: string, _options: unknown, command: Command) => {
      const options = optionsOf(command);
      const policy = readPolicy(text);
      const client = await connect(context, options);
      const summary = await withSpinner(context.terminal, 'applying', client.models.setPolicy(model, policy));
      show(context, options, summary, () => `${model} serves ${policyText(summary.policy)}`);
    });
}

function registerDelete(models: Command, context: CommandContext): void {
  models
    .command('delete <model>')
    .description('delete a model with all its versions, refused ones too, or one version: model@3')
    .addHelpText('after', '\nExample:\n  $ amaas models delete resnet@1\n  $ amaas models delete resnet')
    .action(async (text: string, _options: unknown, command: Command) => {
      const options = optionsOf(command);
      const { model, version, label } = parseModelReference(text);
      if (label !== undefined)
        throw new UsageError('give a version to delete, like resnet@1; labels go with: amaas models unlabel');
      const client = await connect(context, options);
      if (version === undefined) await client.models.remove(model);
      else await client.models.removeVersion(model, version);
      show(context, options, { deleted: text }, () => `${text} is deleted`);
    });
}

function readVersion(text: string): number {
  if (/^[1-9][0-9]{0,15}$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text);
  throw new UsageError(`version must be a whole number ≥ 1, got ${JSON.stringify(text)}`);
}

/** Reads `latest`, `latest:2`, `all`, `none`, `1,3`. */
export function readPolicy(text: string): VersionPolicy {
  if (text === 'all' || text === 'none') return { kind: text };
  const count = /^latest(?::([1-9][0-9]{0,3}))?$/.exec(text);
  if (count !== null) return { kind: 'latest', count: Number(count[1] ?? 1) };
  if (/^[0-9]+(,[0-9]+)*$/.test(text)) return { kind: 'specific', versions: text.split(',').map(readVersion) };
  throw new UsageError(`policy must be latest, latest:<n>, all, none or numbers like 1,3, got ${JSON.stringify(text)}`);
}
