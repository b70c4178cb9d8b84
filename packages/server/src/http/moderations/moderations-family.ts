// Moderations by a classifier that somebody deployed.
import { AmaasError, parseModelReference, toAmaasError } from '@amaas/core';
import { encodeModerations, type ModerationOrder, readModerationOrder } from '@amaas/protocols/openai-files';
import type { DataPlane, ServedVersion } from '../../dataplane/index.ts';
import { authorize } from '../../gateway/index.ts';
import type { ModelRecorder } from '../../monitoring/index.ts';
import type { Registry } from '../../registry/index.ts';
import type { Exchange } from '../exchange.ts';
import type { MatchedRoute, RouteFamily } from '../family.ts';
import { readJson } from '../json-body.ts';
import { newId } from '../language/index.ts';
import { OpenAiError, sendOpenAiError } from '../openai/errors.ts';
import { recordFailure, recordSuccess } from '../outcome.ts';
import { PathTable } from '../path-table.ts';
import { moderate } from './moderate.ts';
import { MODERATIONS_ROUTES } from './moderations-routes.ts';
import { judgeTexts } from './text-classifier.ts';

export interface ModerationsParts {
  readonly dataPlane: DataPlane<ModelRecorder>;
  readonly registry: Registry;
  readonly maxRequestBytes: number;
}

const PROTOCOL = 'openai';

export function createModerationsFamily(parts: ModerationsParts): RouteFamily {
  const table = new PathTable<keyof typeof MODERATIONS_ROUTES>(MODERATIONS_ROUTES);
  return {
    name: 'openai-moderations',
    routes: Object.values(MODERATIONS_ROUTES),
    schemas: { OpenAiModerationsError: OpenAiError },
    errorSchema: 'OpenAiModerationsError',
    owns: (path) => path === MODERATIONS_ROUTES.moderations.path,
    match(method, path): MatchedRoute {
      const { name } = table.match(method, path);
      return { access: MODERATIONS_ROUTES[name].access, run: (exchange) => sendModerations(parts, exchange) };
    },
    sendError: sendOpenAiError,
  };
}

async function sendModerations(parts: ModerationsParts, exchange: Exchange): Promise<void> {
  const order = readModerationOrder(await readJson(exchange, parts.maxRequestBytes));
  const served = await resolveClassifier(parts, exchange, order);
  try {
    const { scores, timing } = await judgeTexts(served, order.inputs.flat(), exchange.signal);
    let next = 0;
    const results = order.inputs.map(({ length }) => {
      next += length;
      return moderate(scores.slice(next - length, next));
    });
    recordSuccess(served.recorder, exchange, { protocol: PROTOCOL, timing });
    exchange.sendJson(200, encodeModerations(results, { id: newId('modr-', 12), model: served.name }));
  } catch (thrown) {
    recordFailure(served.recorder, exchange, { protocol: PROTOCOL, thrown });
    throw thrown;
  }
}

/** The model of that name, else the one that has it as a label: so that what clients ask for by default can be given. */
async function resolveClassifier(
  { dataPlane, registry }: ModerationsParts,
  exchange: Exchange,
  { model }: ModerationOrder,
): Promise<ServedVersion<ModelRecorder>> {
  const reference = parseModelReference(model);
  const mayUse = (name: string): boolean => exchange.principal?.allowsModel(name) ?? false;
  try {
    if (mayUse(reference.model)) return dataPlane.resolve(reference);
  } catch (thrown) {
    if (toAmaasError(thrown).reason !== 'MODEL_NOT_FOUND') throw thrown;
  }
  const labelled = (await registry.listModels()).filter(({ name, labels }) => mayUse(name) && labels.has(model));
  const [first, ...others] = labelled;
  if (first === undefined) {
    if (exchange.principal !== null) authorize(exchange.principal, { scope: 'infer', model: reference.model });
    throw notFound(model);
  }
  if (others.length > 0) {
    const names = labelled.map(({ name }) => name).join(', ');
    throw new AmaasError('INVALID_ARGUMENT', `model: several models have the label "${model}": ${names}`, {
      details: { field: 'model' },
    });
  }
  return dataPlane.resolve({ model: first.name, label: model });
}

function notFound(model: string): AmaasError {
  return new AmaasError(
    'MODEL_NOT_FOUND',
    `there is no model "${model}", and no model has a label of that name. Moderations are made by a text classifier of ` +
      `your own: deploy one whose manifest has "labels", as \`amaas deploy model.onnx --name ${model}\`, or name one that is ` +
      `served in "model"`,
    { details: { model, field: 'model' } },
  );
}
