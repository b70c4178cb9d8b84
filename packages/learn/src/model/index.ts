// Models in a few lines: what a program that trains by hand imports.
export { type ArrayLikeTensor, type NestedNumbers, toTensor } from './arrays.ts';
export { type CompileSettings, compile, INPUT_NAME, Model, type ModelFitOptions } from './model.ts';
export { StandardScaler, type TrainTestSplit, type TrainTestSplitOptions, trainTestSplit } from './preparation.ts';
