// JSON Schemas of the Open Inference Protocol's bodies, for the description only: the codec in protocols/oip does its own,
// far quicker, checking. Source: Open Inference Protocol v2 and Triton's extensions of it.
import Type, { type TSchema } from 'typebox';
import { ErrorTextSchema } from '../error-text.ts';

const Parameters = Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean()]), {
  description: 'Values by name; unknown ones are ignored.',
});

const Shape = Type.Array(Type.Integer({ minimum: 0 }), { description: 'Dims of the tensor; none for a scalar.' });
const Datatype = Type.Enum(
  [
    'BOOL',
    'UINT8',
    'UINT16',
    'UINT32',
    'UINT64',
    'INT8',
    'INT16',
    'INT32',
    'INT64',
    'FP16',
    'FP32',
    'FP64',
    'BF16',
    'BYTES',
  ],
  { description: 'Element type; FP16 and BF16 travel in binary only.' },
);
const Data = Type.Array(Type.Unknown(), {
  description: 'Elements in row-major order, flat or nested like the shape. Absent where they follow in binary.',
});

const Tensor = Type.Object({
  name: Type.String(),
  shape: Shape,
  datatype: Datatype,
  parameters: Type.Optional(
    Type.Record(Type.String(), Type.Unknown(), {
      description: '`binary_data_size`: bytes of this tensor behind the JSON part.',
    }),
  ),
  data: Type.Optional(Data),
});

const RequestedOutput = Type.Object({
  name: Type.String(),
  parameters: Type.Optional(
    Type.Record(Type.String(), Type.Unknown(), {
      description: '`binary_data`: send it in binary; `classification`: send the best n classes as texts instead.',
    }),
  ),
});

const InferRequest = Type.Object({
  id: Type.Optional(Type.String({ description: 'Comes back in the reply.' })),
  parameters: Type.Optional(Parameters),
  inputs: Type.Array(Tensor),
  outputs: Type.Optional(Type.Array(RequestedOutput, { description: 'Outputs wanted; default all.' })),
});

const InferReply = Type.Object({
  model_name: Type.String(),
  model_version: Type.String(),
  id: Type.Optional(Type.String()),
  parameters: Type.Optional(Parameters),
  outputs: Type.Array(Tensor),
});

const TensorMetadata = Type.Object({
  name: Type.String(),
  datatype: Type.String(),
  shape: Type.Array(Type.Integer({ minimum: -1 }), { description: '-1 stands for any size.' }),
});

const ModelMetadata = Type.Object({
  name: Type.String(),
  versions: Type.Array(Type.String(), { description: 'Those that serve.' }),
  platform: Type.String(),
  inputs: Type.Array(TensorMetadata),
  outputs: Type.Array(TensorMetadata),
});

const ServerMetadata = Type.Object({
  name: Type.String(),
  version: Type.String(),
  extensions: Type.Array(Type.String()),
});

const Duration = Type.Object({ count: Type.Integer(), ns: Type.Integer() });

const Statistics = Type.Object({
  model_stats: Type.Array(
    Type.Object({
      name: Type.String(),
      version: Type.String(),
      last_inference: Type.Integer({ description: 'Milliseconds since 1970; 0 before the first.' }),
      inference_count: Type.Integer({ description: 'Rows.' }),
      execution_count: Type.Integer({ description: 'Runs; a batch counts once.' }),
      inference_stats: Type.Record(Type.String(), Duration),
      batch_stats: Type.Array(Type.Unknown()),
      memory_usage: Type.Array(Type.Unknown()),
    }),
  ),
});

/** Only what clients look at; the rest of Triton's ModelConfig is in the reply as well. */
const ModelConfig = Type.Object({
  name: Type.String(),
  platform: Type.String(),
  max_batch_size: Type.Integer({ description: '0: rows are not joined.' }),
  input: Type.Array(Type.Unknown()),
  output: Type.Array(Type.Unknown()),
});

const RepositoryIndex = Type.Array(
  Type.Object({
    name: Type.String(),
    version: Type.Optional(Type.String()),
    state: Type.Enum(['READY', 'UNAVAILABLE', 'LOADING', 'UNLOADING', 'UNKNOWN']),
    reason: Type.String(),
  }),
);

export const OIP_SCHEMAS = {
  InferRequest,
  InferReply,
  ModelMetadata,
  ServerMetadata,
  ModelStatistics: Statistics,
  ModelConfig,
  RepositoryIndex,
  ErrorText: ErrorTextSchema,
} as const satisfies Record<string, TSchema>;

export const LiveSchema = Type.Object({ live: Type.Boolean() });
export const ReadySchema = Type.Object({ ready: Type.Boolean() });
export const ModelListSchema = Type.Object({ models: Type.Array(Type.String()) });
export const ModelReadySchema = Type.Object({ name: Type.String(), ready: Type.Boolean() });
export const IndexRequestSchema = Type.Object({
  ready: Type.Optional(Type.Boolean({ description: 'Only READY versions.' })),
});
export const RepositoryRequestSchema = Type.Object({ parameters: Type.Optional(Parameters) });
