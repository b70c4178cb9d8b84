// The table of TensorFlow Serving's routes for `/openapi.json`, the docs and the access checks.
import type { RouteDescription } from '../family.ts';
import { TFS_SCHEMAS, VersionStatusListSchema } from './tfs-schemas.ts';

/** What follows the model's name: nothing, a version or a label. */
const TARGETS = ['', '/versions/{version}', '/labels/{label}'];
const TAG = 'TensorFlow Serving';

export const TFS_ROUTES: readonly RouteDescription[] = TARGETS.flatMap((target): RouteDescription[] => [
  {
    method: 'POST',
    path: `/v1/models/{model}${target}:predict`,
    access: 'infer',
    summary: 'Predict from instances (rows) or inputs (columns)',
    tag: TAG,
    requestBody: TFS_SCHEMAS.PredictRequest,
    example: { instances: [[5.1, 3.5, 1.4, 0.2]] },
    reply: TFS_SCHEMAS.PredictReply,
  },
  {
    method: 'POST',
    path: `/v1/models/{model}${target}:classify`,
    access: 'infer',
    summary: 'Classify examples',
    tag: TAG,
    requestBody: TFS_SCHEMAS.ExamplesRequest,
    example: { signature_name: 'classify', examples: [{ float_input: [5.1, 3.5, 1.4, 0.2] }] },
    reply: TFS_SCHEMAS.ClassifyReply,
  },
  {
    method: 'POST',
    path: `/v1/models/{model}${target}:regress`,
    access: 'infer',
    summary: 'Regress examples',
    tag: TAG,
    requestBody: TFS_SCHEMAS.ExamplesRequest,
    example: { signature_name: 'regress', examples: [{ x: 2 }] },
    reply: TFS_SCHEMAS.RegressReply,
  },
  {
    method: 'GET',
    path: `/v1/models/{model}${target}/metadata`,
    access: 'read',
    summary: 'Signatures',
    tag: TAG,
    reply: TFS_SCHEMAS.SignatureMetadata,
  },
  // The one without a version is shared with OpenAI's and described there.
  ...(target === ''
    ? []
    : [
        {
          method: 'GET',
          path: `/v1/models/{model}${target}`,
          access: 'read',
          summary: 'Version status',
          tag: TAG,
          reply: VersionStatusListSchema,
        } as const,
      ]),
]);
