// Whole trainings: from data to a model that can be served, with its report.
export { linearOptions, perceptronOptions, type TableModelOptions } from './choose-network.ts';
export { LABEL_OUTPUT, PROBABILITIES_OUTPUT, VALUE_OUTPUT } from './table-model.ts';
export type { TableTarget } from './table-target.ts';
export { type TrainedTable, type TrainTableEvent, type TrainTableOptions, trainTable } from './train-table.ts';
