export { decodeExamples, type ExamplesRequest } from './decode-examples.ts';
export { decodePredict, type PredictFormat, type PredictRequest, type StringInputs } from './decode.ts';
export {
  describeVersionStatuses,
  encodeMetadata,
  encodeStatus,
  type ModelMetadata,
  type ModelVersionStatus,
  type TfsVersionState,
  type VersionStatusEntry,
} from './encode-description.ts';
export { encodeClassify, encodeRegress } from './encode-examples.ts';
export { encodePredict } from './encode.ts';
export { encodeError, HTTP_STATUSES, type TfsErrorReply } from './errors.ts';
export { matchTfsRoute, type TfsInferenceKind, type TfsRoute } from './routes.ts';
