// What a training that went well says at its end: where everything is, and how the model is asked.
import { join, relative } from 'node:path';
import type { CommandContext } from '../command-context.ts';
import { pairs } from '../terminal.ts';
import { curlLine, predictLine } from './call-text.ts';
import type { TrainingResult } from './messages.ts';

/** Where a model has gone; version, run and url are null where it is not served. */
export interface TrainedFacts {
  readonly model: string;
  readonly version: number | null;
  readonly run: string | null;
  /** How to ask this very version; default the model's name. */
  readonly reference?: string | null;
  readonly url: string | null;
  /** Absolute paths. */
  readonly folder: string;
  readonly report: string;
}

/** How the user can call this program: in a checkout started by npm, through npx. */
export function commandName({ world }: CommandContext): string {
  return world.environment['npm_lifecycle_event'] === undefined ? 'amaas' : 'npx amaas';
}

export function endText(
  context: CommandContext,
  {
    facts,
    result,
    labels,
  }: { readonly facts: TrainedFacts; readonly result: TrainingResult; readonly labels: readonly string[] },
): string {
  const { row } = result.example;
  const command = commandName(context);
  return whereText(context, {
    facts,
    labels,
    asking: (url, model) => [
      `Ask it with a row it has not seen (${exampleAnswer(result)}):`,
      `  ${predictLine({ command, model, row })}`,
      `  ${curlLine({ url, model, row, command })}`,
    ],
  });
}

/** Where everything is, then how to ask where it is served, else how to serve it. */
export function whereText(
  context: CommandContext,
  {
    facts,
    labels,
    asking,
  }: {
    readonly facts: TrainedFacts;
    readonly labels: readonly string[];
    /** @param model - as it is to be asked for: name, or name@version */
    readonly asking: (url: string, model: string) => readonly string[];
  },
): string {
  const { world } = context;
  const { model, version, url } = facts;
  const command = commandName(context);
  const near = (path: string): string => relative(world.cwd, path) || '.';
  const written = [
    ['model', near(join(facts.folder, 'model.onnx'))],
    ['report', near(facts.report)],
  ] as const;
  if (url === null || version === null) {
    const how = `${command} deploy ${near(facts.folder)} --name ${model}`;
    return `${pairs(written)}\n\nIt is not served yet. With a server running (${command} serve):\n  ${how}`;
  }
  const labelled = labels.length === 0 ? '' : ` as ${labels.join(', ')}`;
  return [
    pairs([
      ['served', `${model}@${version}${labelled} at ${url}`],
      ['run', `${facts.run}, see: ${command} runs show ${facts.run}`],
      ...written,
    ]),
    '',
    ...asking(url, facts.reference ?? model),
  ].join('\n');
}

/** What the model says to the example. */
function exampleAnswer({ description: { target }, example: { scores } }: TrainingResult): string {
  if (target.task === 'regression') return `it says ${Number((scores[0] ?? Number.NaN).toPrecision(6))}`;
  return answerText(target.classes, scores);
}

/** `it says cat, 98.2 %`. */
export function answerText(classes: readonly string[], scores: Float32Array): string {
  const best = scores.indexOf(Math.max(...scores));
  return `it says ${classes[best]}, ${((scores[best] ?? 0) * 100).toFixed(1)} %`;
}
