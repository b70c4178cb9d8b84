// Which networks a table is tried with, from its size: the linear model always, and multilayer perceptrons whose size and
// regularisation follow the number of rows. Starting points that do well on common tables; `tune` goes on from there.
import {
  type CategoryColumn,
  type Head,
  l2,
  type Network,
  type TabularNetworkOptions,
  tabularNetwork,
} from '../layers/index.ts';
import type { FeatureSizes } from '../preprocess/index.ts';

/** Settings of one network and how it is trained; what `tune` searches over. */
export interface TableModelOptions {
  /** Units of the hidden layers; none: a linear model. */
  readonly hidden: readonly number[];
  readonly dropout: number;
  readonly learningRate: number;
  /** Decoupled, on kernels and tables. */
  readonly weightDecay: number;
  /** L2 penalty on the kernels, for linear models. */
  readonly l2: number;
  readonly batchSize: number;
  readonly epochs: number;
}

/** A linear model's settings: the baseline that always stands beside the others. */
export function linearOptions(rows: number): TableModelOptions {
  return {
    hidden: [],
    dropout: 0,
    learningRate: rows < 2000 ? 0.02 : 0.005,
    weightDecay: 0,
    l2: 1e-4,
    batchSize: chooseBatchSize(rows),
    epochs: rows < 2000 ? 200 : 30,
  };
}

/** A multilayer perceptron's settings. */
export function perceptronOptions(rows: number): TableModelOptions {
  const small = rows < 2000;
  return {
    // From about 1,000 rows on the wider one gains: scikit-learn's digits 98.2 % instead of 97.6 % over ten folds.
    hidden: rows < 1000 ? [32, 16] : rows < 10_000 ? [64, 32] : [128, 64],
    dropout: small ? 0.2 : 0.1,
    learningRate: small ? 0.003 : 0.002,
    weightDecay: small ? 0.05 : 0.01,
    l2: 0,
    batchSize: chooseBatchSize(rows),
    epochs: small ? 200 : 40,
  };
}

/** About 30 updates an epoch for small tables, more for large ones. */
function chooseBatchSize(rows: number): number {
  return Math.max(16, Math.min(256, 2 ** Math.round(Math.log2(rows / 30))));
}

/** The network for some features. */
export function buildTableNetwork(sizes: FeatureSizes, head: Head, options: TableModelOptions): Network {
  const network: TabularNetworkOptions = {
    numericWidth: sizes.numericWidth,
    categories: sizes.categoryCodes.map((codes) => ({ codes, width: embeddingWidth(codes) }) satisfies CategoryColumn),
    hidden: options.hidden,
    dropout: options.dropout,
    head,
    ...(options.l2 > 0 ? { kernelRegularizer: l2(options.l2) } : {}),
  };
  return tabularNetwork(network);
}

/** Wide enough to tell the codes apart, narrow enough to make them share. Source: the rule of fastai's tabular learner. */
function embeddingWidth(codes: number): number {
  return Math.min(50, Math.max(1, Math.round(1.6 * codes ** 0.56)));
}
