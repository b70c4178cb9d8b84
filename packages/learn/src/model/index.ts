// Models in a few lines: what a program that trains by hand imports.
export { type ArrayLikeTensor, type NestedNumbers, toTensor } from './arrays.ts';
export type { InputDeclaration } from './input-types.ts';
export { type CompileSettings, compile, Model, type ModelFitOptions } from './model.ts';
export { type ByName, INPUT_NAME, type ModelInputs, type RowShapes } from './named-inputs.ts';
export { StandardScaler, type TrainTestSplit, type TrainTestSplitOptions, trainTestSplit } from './preparation.ts';
