// From the name in a body to the version that answers, for a caller who may ask it.
import { parseModelReference } from '@amaas/core';
import type { DataPlane, ServedLanguageModel } from '../../dataplane/index.ts';
import { authorize } from '../../gateway/index.ts';
import type { ModelRecorder } from '../../monitoring/index.ts';
import type { Exchange } from '../exchange.ts';

/**
 * @param name - `name`, `name:label` or `name@version`
 * @throws INVALID_NAME, FORBIDDEN, MODEL_NOT_FOUND and the like, UNSUPPORTED_FEATURE for a model of tensors
 */
export function resolveLanguageFor(
  exchange: Exchange,
  dataPlane: DataPlane<ModelRecorder>,
  name: string,
): ServedLanguageModel<ModelRecorder> {
  const reference = parseModelReference(name);
  if (exchange.principal !== null) authorize(exchange.principal, { scope: 'infer', model: reference.model });
  return dataPlane.resolveLanguage(reference);
}
