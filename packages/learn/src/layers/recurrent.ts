// Recurrent layers by Keras's names. Gates lie in the kernels in ONNX's order: LSTM input, output, forget, cell (Keras has
// input, forget, cell, output, and so has PyTorch); GRU update, reset, candidate (PyTorch has reset, update, candidate).
import {
  filled,
  gru as gruOperator,
  gruCell,
  lstm as lstmOperator,
  lstmCell,
  type RecurrentCell,
  type RecurrentWeights,
  rnnCell,
} from '../graph/index.ts';
import { type Activation, activate } from './activations.ts';
import { assertCount, lastSize } from './dense.ts';
import { type Initializer, type InitializerChoice, initializerFor } from './initializers.ts';
import { type RecurrentLayer, recurrentLayer, runLoop, runOperator } from './recurrent-layer.ts';
import type { Regularizer } from './regularizers.ts';
import type { Scope } from './scope.ts';

export interface RecurrentOptions {
  /** Whether the result is the output of every step instead of the last one's; default false, as in Keras. */
  readonly returnSequences?: boolean;
  /**
   * From the last step to the first; default false. Outputs stay beside the inputs they come from, as in PyTorch (Keras
   * turns them round).
   */
  readonly goBackwards?: boolean;
  /** Default true. */
  readonly useBias?: boolean;
  /** Default `glorotUniform`, as in Keras. PyTorch's is `uniformInitializer(-limit, limit)`, limit = 1 / √units, for all. */
  readonly kernelInitializer?: InitializerChoice;
  /** Default `orthogonal`, as in Keras. */
  readonly recurrentInitializer?: InitializerChoice;
  /** Default `zeros`. */
  readonly biasInitializer?: InitializerChoice;
  readonly kernelRegularizer?: Regularizer;
  readonly recurrentRegularizer?: Regularizer;
}

export interface SimpleRnnOptions extends RecurrentOptions {
  /** Default `tanh`. */
  readonly activation?: Activation;
}

/**
 * h ← activation(x · kernel + h · recurrent kernel + bias).
 *
 * Shapes: x [batch, time, features] → [batch, units], or [batch, time, units] with `returnSequences`; parameters
 * `kernel` [features, units], `recurrent kernel` [units, units], `bias` [units]. Source: Elman 1990.
 */
export function simpleRnn(units: number, options: SimpleRnnOptions = {}): RecurrentLayer {
  const { activation = 'tanh' } = options;
  return cellLayer(options, {
    name: 'simpleRnn',
    units,
    gates: 1,
    states: 1,
    // ONNX Runtime's RNN takes up to three times as long as the loop; less than it only for one short sequence at a time.
    form: ({ recurrent }) => ({ cell: rnnCell(recurrent, (x) => activate(x, activation)) }),
  });
}

export interface LstmOptions extends RecurrentOptions {
  /** Whether the forget gate's bias starts at 1, so that cells keep what they hold; default true, as in Keras. */
  readonly unitForgetBias?: boolean;
}

/**
 * Long short-term memory.
 *
 * Shapes: x [batch, time, features] → [batch, units], or [batch, time, units] with `returnSequences`; states hidden and
 * cell; parameters `kernel` [features, 4 · units], `recurrent kernel` [units, 4 · units], `bias` [4 · units].
 * Sources: Hochreiter & Schmidhuber 1997; Gers et al. 2000; Jozefowicz et al. 2015 for the forget gate's bias.
 * @example sequential([embedding(65, 64), lstm(256, { returnSequences: true }), dense(65)])
 */
export function lstm(units: number, options: LstmOptions = {}): RecurrentLayer {
  const { unitForgetBias = true, biasInitializer = 'zeros' } = options;
  const chosen = initializerFor(biasInitializer, { fanIn: units, fanOut: 4 * units });
  return cellLayer(
    { ...options, biasInitializer: unitForgetBias ? withForgetBias(chosen, units) : chosen },
    {
      name: 'lstm',
      units,
      gates: 4,
      states: 2,
      // The operators of LSTM and GRU take 0.1 to 1 times as long as their loops (1 … 32 rows, 32 … 256 units, one core).
      form: (weights) => ({
        cell: lstmCell(weights.recurrent),
        operator: (x, given) => lstmOperator(x, weights, given),
      }),
    },
  );
}

function withForgetBias(initializer: Initializer, units: number): Initializer {
  return (shape, random) => initializer(shape, random).fill(1, 2 * units, 3 * units);
}

export interface GruOptions extends RecurrentOptions {
  /**
   * Whether the reset gate is applied after the product of the state with its weights, which then has a bias of its own;
   * default true, as in Keras and PyTorch. False is the form of Cho et al. 2014.
   */
  readonly resetAfter?: boolean;
}

/**
 * Gated recurrent units.
 *
 * Shapes: x [batch, time, features] → [batch, units], or [batch, time, units] with `returnSequences`; parameters
 * `kernel` [features, 3 · units], `recurrent kernel` [units, 3 · units], `bias` [3 · units] and with `resetAfter`
 * `recurrent bias` [units], of the candidate: those of the gates would only add to `bias`. Source: Cho et al. 2014.
 */
export function gru(units: number, options: GruOptions = {}): RecurrentLayer {
  const { resetAfter = true, useBias = true, biasInitializer = 'zeros' } = options;
  return cellLayer(options, {
    name: 'gru',
    units,
    gates: 3,
    states: 1,
    form(weights, scope) {
      const candidateBias =
        resetAfter && useBias
          ? scope.parameter('recurrent bias', [units], {
              initializer: initializerFor(biasInitializer, { fanIn: units, fanOut: units }),
              decays: false,
            })
          : undefined;
      return {
        cell: gruCell(weights.recurrent, { resetAfter, candidateBias }),
        operator: (x, given) => gruOperator(x, weights, { ...given, resetAfter, candidateBias }),
      };
    },
  });
}

interface CellDefinition {
  readonly name: string;
  readonly units: number;
  readonly gates: number;
  readonly states: number;
  /** The cell with its weights, and ONNX's operator where it is the faster form of inference. */
  form(
    weights: RecurrentWeights,
    scope: Scope,
  ): { readonly cell: RecurrentCell; readonly operator?: Parameters<typeof runOperator>[0] };
}

function cellLayer(options: RecurrentOptions, definition: CellDefinition): RecurrentLayer {
  const { name, units, gates, states, form } = definition;
  assertCount(`${name}: units`, units);
  const { goBackwards: reverse = false, useBias = true } = options;
  const rows = gates * units;
  return recurrentLayer({
    name,
    stateWidths: new Array<number>(states).fill(units),
    returnSequences: options.returnSequences ?? false,
    reversed: () => cellLayer({ ...options, goBackwards: !reverse }, definition),
    overTime(x, scope, inputs) {
      const features = lastSize(x, name);
      const weights = {
        kernel: scope.parameter('kernel', [features, rows], {
          initializer: initializerFor(options.kernelInitializer ?? 'glorotUniform', { fanIn: features, fanOut: rows }),
          regularizer: options.kernelRegularizer,
        }),
        recurrent: scope.parameter('recurrent kernel', [units, rows], {
          initializer: initializerFor(options.recurrentInitializer ?? 'orthogonal', { fanIn: units, fanOut: rows }),
          regularizer: options.recurrentRegularizer,
        }),
      };
      const bias = useBias
        ? scope.parameter('bias', [rows], {
            initializer: initializerFor(options.biasInitializer ?? 'zeros', { fanIn: units, fanOut: rows }),
            decays: false,
          })
        : null;
      const { cell, operator } = form({ ...weights, bias: bias ?? filled(x.dtype, [rows], 0) }, scope);
      const given = { ...inputs, x, kernel: weights.kernel, bias, reverse };
      const isMasked = inputs.mask !== undefined && inputs.lengths === undefined;
      return scope.training || isMasked || operator === undefined ? runLoop(cell, given) : runOperator(operator, given);
    },
  });
}
