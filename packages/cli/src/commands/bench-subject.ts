// What `amaas bench` sends: tensors to a model of tensors, a conversation to one that writes. Each is tried once before: a
// request that fails is better told than measured.
import type { AmaasClient } from '@amaas/client';
import { formatShape, parseModelReference } from '@amaas/core';
import { encodeInferRequest } from '@amaas/protocols/oip';
import { type CommandContext, UsageError } from '../command-context.ts';
import { type GivenInputs, readInputs, resolveManifest, servedColumns, servedSampleRate } from '../inputs/index.ts';
import { makeUpInputs } from '../made-up-inputs.ts';

export interface BenchSubject {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** The request in words. */
  readonly shown: string;
  /** Tokens of every answer, which is always the same; null: it has none. */
  readonly answerTokens: number | null;
}

export interface SubjectOptions extends GivenInputs {
  /** Rows of made-up tensors. */
  readonly rows: number;
  /** Of an answer at most. */
  readonly tokens: number;
}

/** Platform that metadata give of models that write. */
const LANGUAGE_PLATFORM = 'llama.cpp';
const USUAL_TEXT = 'Once upon a time';

/** @throws UsageError for inputs of the other kind, and whatever the try throws */
export async function prepareSubject(
  context: CommandContext,
  client: AmaasClient,
  { model, options }: { readonly model: string; readonly options: SubjectOptions },
): Promise<BenchSubject> {
  const { inputs: specs, platform } = await client.metadata(model);
  if (platform === LANGUAGE_PLATFORM) return languageSubject(client, model, options);
  const reference = parseModelReference(model);
  const manifest = () => resolveManifest(client, reference);
  const columns = () => servedColumns(client, reference, specs);
  const sampleRate = () => servedSampleRate(client, reference);
  const inputs =
    (await readInputs(context.world, { model, specs, manifest, columns, sampleRate }, options)) ??
    makeUpInputs(specs, options.rows);
  await client.infer(model, inputs);
  const { headers, parts } = encodeInferRequest(inputs);
  return {
    path: `/v2/models/${encodeURIComponent(model)}/infer`,
    headers,
    body: Buffer.concat(parts),
    shown: [...inputs].map(([name, { dtype, shape }]) => `${name} ${dtype} ${formatShape(shape)}`).join(', '),
    answerTokens: null,
  };
}

async function languageSubject(client: AmaasClient, model: string, options: SubjectOptions): Promise<BenchSubject> {
  const { data, input, image, csv, file, text = [USUAL_TEXT], tokens } = options;
  if ([data, input, image, csv, file].some((given) => given !== undefined)) {
    throw new UsageError(`"${model}" is a language model: give what it is to answer with --text`);
  }
  const content = text.join(' ');
  let answerTokens: number | null = null;
  // The likeliest token each time, so that every answer is the same and its tokens need no counting.
  for await (const event of client.chat(model, content, { temperature: 0, maxTokens: tokens })) {
    if (event.type === 'end') answerTokens = event.completionTokens;
  }
  const messages = [{ role: 'user', content }];
  return {
    path: '/v1/chat/completions',
    headers: { 'content-type': 'application/json' },
    body: Buffer.from(JSON.stringify({ model, messages, temperature: 0, max_tokens: tokens })),
    shown: `a message of ${content.length} characters, answered in ${answerTokens ?? 'some'} tokens`,
    answerTokens,
  };
}
