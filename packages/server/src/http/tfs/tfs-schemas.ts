// JSON Schemas of the bodies of TensorFlow Serving's REST API, for the description only: the codec in protocols/tfs does
// its own checking, and knows of numbers JSON has no word for. Source: tensorflow/serving, g3doc/api_rest.md.
import Type, { type TSchema } from 'typebox';
import { ErrorTextSchema } from '../error-text.ts';

const SignatureName = Type.Optional(Type.String({ description: 'Default `serving_default`.' }));

const PredictRequest = Type.Object(
  {
    signature_name: SignatureName,
    instances: Type.Optional(
      Type.Array(Type.Unknown(), { description: 'Row form: one value, or object of values by input, per row.' }),
    ),
    inputs: Type.Optional(
      Type.Unknown({ description: 'Column form: one value, or object of values by input, for all.' }),
    ),
  },
  {
    description:
      'Exactly one of `instances` and `inputs`. NaN and the infinities may stand bare; `{"b64": …}` stands for bytes.',
  },
);

const PredictReply = Type.Object(
  {
    predictions: Type.Optional(
      Type.Array(Type.Unknown(), { description: 'One value, or object of values by output, per row.' }),
    ),
    outputs: Type.Optional(Type.Unknown({ description: 'One value, or object of values by output.' })),
  },
  { description: '`predictions` for `instances`, `outputs` for `inputs`.' },
);

const Example = Type.Record(Type.String(), Type.Unknown(), {
  description: 'A value or a flat list of values by feature.',
});

const ExamplesRequest = Type.Object({
  signature_name: SignatureName,
  context: Type.Optional(Example),
  examples: Type.Array(Example, { minItems: 1 }),
});

const ClassifyReply = Type.Object({
  results: Type.Array(Type.Array(Type.Array(Type.Unknown(), { description: 'Label and score.' })), {
    description: 'Per example.',
  }),
});

const RegressReply = Type.Object({ results: Type.Array(Type.Number(), { description: 'Per example.' }) });

const VersionStatus = Type.Object({
  version: Type.String(),
  state: Type.Enum(['UNKNOWN', 'START', 'LOADING', 'AVAILABLE', 'UNLOADING', 'END']),
  status: Type.Object({ error_code: Type.String(), error_message: Type.String() }),
});

const SignatureMetadata = Type.Object({
  model_spec: Type.Object({ name: Type.String(), signature_name: Type.String(), version: Type.String() }),
  metadata: Type.Object({
    signature_def: Type.Object({ signature_def: Type.Record(Type.String(), Type.Unknown()) }),
  }),
});

export const TFS_SCHEMAS = {
  PredictRequest,
  PredictReply,
  ExamplesRequest,
  ClassifyReply,
  RegressReply,
  VersionStatus,
  SignatureMetadata,
  ErrorText: ErrorTextSchema,
} as const satisfies Record<string, TSchema>;

export const VersionStatusListSchema = Type.Object({ model_version_status: Type.Array(VersionStatus) });
