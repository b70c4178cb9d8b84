// The table of the Open Inference Protocol's routes for `/openapi.json`, the docs and the access checks.
import { OIP_ROUTES, type OipRoute } from '@amaas/protocols/oip';
import Type from 'typebox';
import type { Access, RouteDescription } from '../family.ts';
import { GENERATE_KINDS } from './oip-generate-routes.ts';
import {
  IndexRequestSchema,
  LiveSchema,
  ModelListSchema,
  ModelReadySchema,
  OIP_SCHEMAS,
  ReadySchema,
  RepositoryRequestSchema,
} from './oip-schemas.ts';

export const HEADER_LENGTH = 'inference-header-content-length';

type KindDescription = Pick<
  RouteDescription,
  | 'access'
  | 'summary'
  | 'reply'
  | 'requestBody'
  | 'bodyDescription'
  | 'example'
  | 'isBodyOptional'
  | 'rawType'
  | 'replyType'
  | 'parameters'
>;

const KINDS: Readonly<Record<OipRoute['kind'], KindDescription>> = {
  'server-live': { access: 'public', summary: 'Liveness', reply: LiveSchema },
  'server-ready': {
    access: 'public',
    summary: 'Readiness: 503 until the models known at start are dealt with',
    reply: ReadySchema,
  },
  'server-metadata': { access: 'read', summary: 'Name, version and extensions', reply: OIP_SCHEMAS.ServerMetadata },
  'model-list': { access: 'read', summary: 'Names of all models', reply: ModelListSchema },
  'model-metadata': { access: 'read', summary: 'What a model takes and gives', reply: OIP_SCHEMAS.ModelMetadata },
  'model-ready': { access: 'read', summary: 'Whether a model is ready: 400 when not', reply: ModelReadySchema },
  'model-config': {
    access: 'read',
    summary: "A model's configuration in Triton's form",
    reply: OIP_SCHEMAS.ModelConfig,
  },
  statistics: {
    access: 'read',
    summary: 'What versions have done since the start',
    reply: OIP_SCHEMAS.ModelStatistics,
  },
  'repository-index': {
    access: 'read',
    summary: 'Every version with its state',
    requestBody: IndexRequestSchema,
    example: { ready: true },
    isBodyOptional: true,
    reply: OIP_SCHEMAS.RepositoryIndex,
  },
  infer: {
    access: 'infer',
    summary: 'Run a model; tensors in JSON, or in binary behind the JSON part',
    requestBody: OIP_SCHEMAS.InferRequest,
    bodyDescription:
      'Binary tensors follow the JSON part in the order of the inputs, each as long as its `binary_data_size`: ' +
      'little-endian, row-major; BYTES elements with four bytes of length before each.',
    example: { inputs: [{ name: 'float_input', shape: [1, 4], datatype: 'FP32', data: [5.1, 3.5, 1.4, 0.2] }] },
    rawType: 'application/octet-stream',
    parameters: [
      {
        name: 'Inference-Header-Content-Length',
        in: 'header',
        description: 'Bytes of the JSON part when binary tensors follow it; 0 when the body is a single raw tensor.',
        schema: Type.Integer({ minimum: 0 }),
      },
    ],
    reply: OIP_SCHEMAS.InferReply,
  },
  ...GENERATE_KINDS,
  'repository-load': {
    access: 'deploy',
    summary: 'Serve a model again after unload',
    requestBody: RepositoryRequestSchema,
    isBodyOptional: true,
  },
  'repository-unload': {
    access: 'deploy',
    summary: 'Stop serving a model and free its memory',
    requestBody: RepositoryRequestSchema,
    isBodyOptional: true,
  },
};

/** What a caller must be allowed. */
export function accessOf(kind: OipRoute['kind']): Access {
  return KINDS[kind].access;
}

export const OIP_ROUTE_DESCRIPTIONS: readonly RouteDescription[] = OIP_ROUTES.map(({ method, path, kind }) => ({
  method,
  path: path.replace('{m}', '{model}').replace('{v}', '{version}'),
  tag: 'Open Inference Protocol',
  ...KINDS[kind],
}));
