// The OpenAPI description of every route, made from the families' tables and schemas. What it says of bodies comes from
// the schemas the server itself checks by, where it checks by schema.
import { AmaasError } from '@amaas/core';
import type { ParameterDescription, RouteDescription, RouteFamily } from './family.ts';

/** A JSON Schema as it stands in the description, references and all. */
export interface JsonSchema {
  readonly [keyword: string]: unknown;
}

export interface OpenApiContent {
  readonly [mediaType: string]: { readonly schema?: JsonSchema; readonly example?: unknown };
}

export interface OpenApiParameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required: boolean;
  readonly description: string;
  readonly schema: JsonSchema;
  readonly example?: string | number;
}

export interface OpenApiOperation {
  readonly operationId: string;
  readonly summary: string;
  readonly tags: readonly string[];
  readonly parameters?: readonly OpenApiParameter[];
  readonly requestBody?: {
    readonly required: boolean;
    readonly description?: string;
    readonly content: OpenApiContent;
  };
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content?: OpenApiContent }>>;
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
  /** The scope a key needs, or `public`. */
  readonly 'x-amaas-access': string;
}

/** OpenAPI 3.1, whose schemas are JSON Schema as TypeBox writes it. */
export interface OpenApiDescription {
  readonly openapi: '3.1.0';
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, OpenApiOperation>>>>;
  readonly components: {
    readonly securitySchemes: Readonly<Record<string, object>>;
    readonly schemas: Readonly<Record<string, JsonSchema>>;
  };
}

const TAGS: Readonly<Record<string, string>> = {
  'Open Inference Protocol': "Inference as Triton and KServe speak it, with Triton's extensions.",
  'TensorFlow Serving': 'Inference as TensorFlow Serving speaks it over REST.',
  Ollama: "Language models in the words of Ollama's clients.",
  OpenAI:
    "Language models in the words of OpenAI's clients: chat, completions, embeddings; and the list of all models.",
  Anthropic: "Conversations in the words of Anthropic's clients.",
  Models: 'What is served, and which versions of it.',
  Versions: 'Deploying: a version never changes, its number is never given twice.',
  Labels: 'Names that move from version to version.',
  Files: 'The store of files, by their digest.',
  Datasets: 'Files to learn from; a version never changes.',
  Runs: 'What was trained, on which data, by which code, with what outcome.',
  Jobs: 'Anything long: a queue, with progress, log, cancel and resume.',
  Keys: 'API keys: what they may do, to which models, and for how long.',
  Server: 'The server itself.',
  Operations: 'For those who run it.',
};

const PATH_PARAMETERS: Readonly<Record<string, Pick<OpenApiParameter, 'description' | 'schema' | 'example'>>> = {
  model: { description: 'Name of the model.', schema: { type: 'string' }, example: 'iris' },
  version: { description: 'Number of the version.', schema: { type: 'integer', minimum: 1 }, example: 1 },
  label: { description: 'Name of the label.', schema: { type: 'string' }, example: 'production' },
  digest: {
    description: '`sha256:` and 64 hexadecimal digits.',
    schema: { type: 'string' },
    example: 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  },
  dataset: { description: 'Name of the dataset.', schema: { type: 'string' }, example: 'heart' },
  run: { description: 'Id of the run.', schema: { type: 'string' }, example: 'run_3f2a9c01b7e4d865' },
  job: { description: 'Id of the job.', schema: { type: 'string' }, example: 'job_3f2a9c01b7e4d865' },
  file: { description: 'Id of the file.', schema: { type: 'string' }, example: 'file-3f2a9c01b7e4d8653f2a9c01' },
  batch: { description: 'Id of the batch.', schema: { type: 'string' }, example: 'batch_3f2a9c01b7e4d8653f2a9c01' },
  response_id: { description: 'Id of the response.', schema: { type: 'string' }, example: 'resp_3f2a9c01b7e4d865' },
  fine_tuning: {
    description: 'Id of the fine-tuning job.',
    schema: { type: 'string' },
    example: 'ftjob-3f2a9c01b7e4d865',
  },
  key: { description: 'Id or name of the key.', schema: { type: 'string' }, example: 'phone-app' },
};

const DESCRIPTION =
  'Inference by the Open Inference Protocol and the REST API of TensorFlow Serving; management under `/admin/v1`. ' +
  'Where a path names a model, the Open Inference Protocol also takes `name:label` and `name@version`.';

export function describeRoutes(
  families: readonly RouteFamily[],
  server: { readonly version: string },
): OpenApiDescription {
  const schemas = new NamedSchemas(families);
  const paths: Record<string, Record<string, OpenApiOperation>> = {};
  const tags = new Set<string>();
  for (const family of families) {
    for (const route of family.routes) {
      tags.add(route.tag);
      const operations = paths[route.path] ?? {};
      paths[route.path] = operations;
      operations[route.method.toLowerCase()] = describeOperation(route, family, schemas);
    }
  }
  return {
    openapi: '3.1.0',
    info: { title: 'amaas', version: server.version, description: DESCRIPTION },
    tags: [...tags].map((name) => ({ name, description: TAGS[name] ?? '' })),
    paths,
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'Authorization: Bearer <key>' },
        apiKey: { type: 'apiKey', in: 'header', name: 'x-api-key' },
      },
      schemas: schemas.components(),
    },
  };
}

/** Finds the schemas that have a name wherever they occur, and puts references there. */
class NamedSchemas {
  readonly #schemas: ReadonlyMap<string, object>;
  /** By their text: TypeBox copies a schema to mark it optional. */
  readonly #names: ReadonlyMap<string, string>;

  constructor(families: readonly RouteFamily[]) {
    this.#schemas = new Map(families.flatMap((family) => Object.entries(family.schemas)));
    this.#names = new Map([...this.#schemas].map(([name, schema]) => [JSON.stringify(schema), name]));
  }

  components(): Record<string, JsonSchema> {
    return Object.fromEntries([...this.#schemas].map(([name, schema]) => [name, this.#copy(schema)]));
  }

  reference(schema: object): JsonSchema {
    const name = this.#names.get(JSON.stringify(schema));
    return name === undefined ? this.#copy(schema) : { $ref: `#/components/schemas/${name}` };
  }

  #copy(schema: object): JsonSchema {
    return Object.fromEntries(Object.entries(schema).map(([keyword, value]) => [keyword, this.#within(value)]));
  }

  #within(value: unknown): unknown {
    if (Array.isArray(value)) return value.map((item) => this.#within(item));
    return typeof value === 'object' && value !== null ? this.reference(value) : value;
  }
}

function describeOperation(route: RouteDescription, family: RouteFamily, schemas: NamedSchemas): OpenApiOperation {
  const parameters = describeParameters(route, schemas);
  const content = requestContent(route, schemas);
  return {
    operationId: operationId(route),
    summary: route.summary,
    tags: [route.tag],
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(content === null
      ? {}
      : {
          requestBody: {
            required: route.isBodyOptional !== true,
            ...(route.bodyDescription === undefined ? {} : { description: route.bodyDescription }),
            content,
          },
        }),
    responses: {
      [String(route.status ?? 200)]: {
        description: route.status === 302 ? 'Redirect' : 'Success',
        ...replyContent(route, schemas),
      },
      default: {
        description: 'Failure',
        content: { 'application/json': { schema: { $ref: `#/components/schemas/${family.errorSchema}` } } },
      },
    },
    security: route.access === 'public' ? [] : [{ bearer: [] }, { apiKey: [] }],
    'x-amaas-access': route.access,
  };
}

/** `POST /v1/models/{model}:predict` → `postV1ModelsModelPredict`. */
function operationId({ method, path }: RouteDescription): string {
  const words = path.split(/[^a-z0-9]+/i).filter((word) => word !== '');
  return method.toLowerCase() + words.map((word) => word[0]?.toUpperCase() + word.slice(1)).join('');
}

function describeParameters(route: RouteDescription, schemas: NamedSchemas): readonly OpenApiParameter[] {
  const inPath = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name = '']): OpenApiParameter => {
    const known = PATH_PARAMETERS[name];
    if (known === undefined) throw new AmaasError('INTERNAL', `openapi: ${route.path} has an unknown parameter`);
    return { name, in: 'path', required: true, ...known };
  });
  const others = (route.parameters ?? []).map(
    ({ schema, ...parameter }: ParameterDescription): OpenApiParameter => ({
      ...parameter,
      required: false,
      schema: schemas.reference(schema),
    }),
  );
  return [...inPath, ...others];
}

function requestContent(route: RouteDescription, schemas: NamedSchemas): OpenApiContent | null {
  const { requestBody, requestType = 'application/json', rawType } = route;
  const described =
    requestBody === undefined
      ? {}
      : {
          schema: schemas.reference(requestBody),
          ...(route.example === undefined ? {} : { example: route.example }),
        };
  const hasBody = requestBody !== undefined || route.requestType !== undefined;
  if (!hasBody && rawType === undefined) return null;
  return { ...(hasBody ? { [requestType]: described } : {}), ...(rawType === undefined ? {} : { [rawType]: {} }) };
}

function replyContent(route: RouteDescription, schemas: NamedSchemas): { readonly content?: OpenApiContent } {
  const { reply, replyType = 'application/json' } = route;
  if (reply === undefined && route.replyType === undefined) return {};
  return { content: { [replyType]: reply === undefined ? {} : { schema: schemas.reference(reply) } } };
}
