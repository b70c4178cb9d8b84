// The Open Inference Protocol v2 over HTTP, with Triton's extensions: bytes to core types and back, for servers and
// clients. No sockets, no models, no state.
export { type ClassifyOptions, classify } from './classification.ts';
export { dtypeFromOip, isOipDType, OIP_DATATYPES, type OipDatatype, type OipDType, oipDatatype } from './datatypes.ts';
export { type DecodedInferReply, decodeInferReply } from './decode-reply.ts';
export {
  createInferDecoder,
  type DecodedInferRequest,
  decodeInferRequest,
  parseHeaderLength,
  type RequestedOutput,
} from './decode-request.ts';
export { type EncodedReply, encodeInferReply, encodeInferReplyInSteps, type InferReplyParts } from './encode-reply.ts';
export {
  type EncodedInferRequest,
  encodeInferRequest,
  type InferRequestOptions,
  type OutputWish,
} from './encode-request.ts';
export { decodeOipError, encodeOipError, OIP_STATUS, type OipErrorReply } from './errors.ts';
export {
  encodeGenerateErrorEvent,
  encodeGenerateReply,
  encodeGenerateStream,
  type GenerateSubject,
} from './generate-reply.ts';
export { decodeGenerateRequest, type GenerateRequest } from './generate-request.ts';
export {
  encodeModelList,
  encodeModelMetadata,
  encodeModelReady,
  encodeServerLive,
  encodeServerMetadata,
  encodeServerReady,
  type HealthReply,
  type ModelMetadata,
  OIP_EXTENSIONS,
  ONNX_PLATFORM,
} from './metadata.ts';
export type { OipParameter, OipParameters } from './parameters.ts';
export { decodeRawBinaryRequest } from './raw-binary.ts';
export {
  decodeIndexRequest,
  decodeLoadRequest,
  decodeUnloadRequest,
  encodeRepositoryIndex,
  type LoadRequest,
  type RepositoryIndexEntry,
  type RepositoryState,
} from './repository.ts';
export { matchOipRoute, OIP_ROUTES, type OipRoute, type OipRouteTemplate } from './routes.ts';
export { type BatchStatistics, type DurationStatistic, encodeStatistics, type ModelStatistics } from './statistics.ts';
