// Reading, inspecting and rewriting ONNX files, by hand over protobuf's wire format. Runs no model.
export * from './build.ts';
export * from './dtype-codes.ts';
export { assertExternalDataInside, type ExternalData } from './external-data.ts';
export { freezeInitializers } from './initializers.ts';
export {
  type InspectedOther,
  type InspectedTensor,
  type InspectedValue,
  inspectModel,
  type ModelInspection,
} from './inspect.ts';
export * from './model.ts';
export { type ReadOptions, readModel, readTensor } from './read.ts';
export { type NamedTensor, onnxFromTensor, tensorFromOnnx, tensorFromProto, tensorToProto } from './tensor-proto.ts';
export { type ModelVisitor, walkModel } from './walk.ts';
export { writeModel, writeTensor } from './write.ts';
export { CLASS_LABELS_METADATA, type RewrittenZipMap, rewriteZipMap, type ZipMapRewrite } from './zip-map.ts';
