// The look at a data set before anything is learned from it.
export { type DescribeOptions, describeTable } from './describe.ts';
export { formatFindings, formatTableSummary } from './format.ts';
export { LEAKAGE_THRESHOLD, type LeakageScore, scoreLeakage } from './leakage.ts';
export type {
  ColumnSummary,
  ColumnType,
  NumberSummary,
  OutlierSummary,
  TableSummary,
  TargetSummary,
  TargetTask,
  ValueCount,
} from './summary.ts';
