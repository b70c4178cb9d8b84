// From raw columns to features: fitted on the training part, and exported inside the model.
export {
  buildFeatures,
  type Features,
  type FeatureSizes,
  featureSizes,
  rawDType,
  rawInputs,
} from './build-features.ts';
export type { CategoricalStep, ColumnStep, DatetimeStep, NumericStep, Preprocessing } from './column-steps.ts';
export { fitPreprocessing, type PreprocessingOptions } from './fit-preprocessing.ts';
export { columnTensor, rawTensors } from './raw-tensors.ts';
