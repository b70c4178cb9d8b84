// Optimisers as graphs: from a parameter, its gradient and its slots to their next values. Everything is elementwise, so
// that one optimiser serves single tensors and many packed into one alike.
// Update rules and defaults as in PyTorch, whose names they carry where Keras's differ; sources in each docstring.
import { AmaasError } from '@amaas/core';
import { add, cast, div, mul, pow, scalar, sign, sqrt, square, sub, type Value } from '../graph/index.ts';
import { constantRate, type Schedule } from './schedules.ts';

export interface UpdateContext {
  readonly parameter: Value;
  /** Of the parameter's shape. */
  readonly gradient: Value;
  /** One per name in {@link Optimizer.slots}, of the parameter's shape; zeros before the first step. */
  readonly slots: readonly Value[];
  /** float32 scalar. */
  readonly learningRate: Value;
  /** float32 scalar, 1 at the first step. */
  readonly step: Value;
  /** Whether decoupled weight decay applies to this parameter. */
  readonly decays: boolean;
}

export interface Update {
  readonly parameter: Value;
  readonly slots: readonly Value[];
}

export interface Optimizer {
  readonly name: string;
  readonly schedule: Schedule;
  readonly slots: readonly string[];
  update(context: UpdateContext): Update;
}

interface RateOptions {
  /** A number, or a schedule by step. */
  readonly learningRate?: number | Schedule;
}

export interface SgdOptions extends RateOptions {
  /** 0 … 1; default 0. */
  readonly momentum?: number;
  /** Looks ahead along the momentum; default false. */
  readonly nesterov?: boolean;
  /** Decoupled from the gradient, as in Keras (PyTorch's goes through the momentum); default 0. */
  readonly weightDecay?: number;
}

/** Stochastic gradient descent, with (Nesterov) momentum if asked. Default rate 0.01. Source: Sutskever et al. 2013. */
export function sgd({
  learningRate = 0.01,
  momentum = 0,
  nesterov = false,
  weightDecay = 0,
}: SgdOptions = {}): Optimizer {
  assertFraction('sgd: momentum', momentum);
  assertAmount('sgd: weightDecay', weightDecay);
  return {
    name: nesterov ? 'nesterov' : momentum > 0 ? 'momentum' : 'sgd',
    schedule: constantRate(learningRate),
    slots: momentum > 0 ? ['velocity'] : [],
    update({ parameter, gradient, slots: [velocity], learningRate: rate, decays }) {
      const base = decayed(parameter, { rate, weightDecay, decays });
      if (velocity === undefined) return { parameter: sub(base, mul(gradient, rate)), slots: [] };
      const next = add(mul(velocity, momentum), gradient);
      const direction = nesterov ? add(gradient, mul(next, momentum)) : next;
      return { parameter: sub(base, mul(direction, rate)), slots: [next] };
    },
  };
}

export interface AdamOptions extends RateOptions {
  /** Decay of the mean of gradients; default 0.9. */
  readonly beta1?: number;
  /** Decay of the mean of squares; default 0.999. */
  readonly beta2?: number;
  /** Default 1e-8. */
  readonly epsilon?: number;
}

/** Adam. Default rate 0.001. Source: Kingma & Ba 2015. */
export function adam(options: AdamOptions = {}): Optimizer {
  return adamLike('adam', { ...options, weightDecay: 0 });
}

export interface AdamWOptions extends AdamOptions {
  /** Default 0.01. Applies to kernels and tables, not to biases and the scales of normalisation. */
  readonly weightDecay?: number;
}

/** Adam with decoupled weight decay. Default rate 0.001. Source: Loshchilov & Hutter 2019. */
export function adamW(options: AdamWOptions = {}): Optimizer {
  return adamLike('adamW', { weightDecay: 0.01, ...options });
}

/**
 * Both moments are kept divided by 1 − β, and all factors gathered into two scalars: ten passes over memory per step
 * instead of fourteen, with the same result up to rounding.
 */
function adamLike(
  name: string,
  { learningRate = 0.001, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0 }: AdamWOptions,
): Optimizer {
  assertFraction(`${name}: beta1`, beta1);
  assertFraction(`${name}: beta2`, beta2);
  assertAmount(`${name}: epsilon`, epsilon);
  assertAmount(`${name}: weightDecay`, weightDecay);
  const scale = Math.sqrt(1 - beta2);
  return {
    name,
    schedule: constantRate(learningRate),
    slots: ['mean', 'square'],
    update({ parameter, gradient, slots: [mean, squares], learningRate: rate, step, decays }) {
      if (mean === undefined || squares === undefined) throw missingSlot(name);
      const nextMean = add(mul(mean, beta1), gradient);
      const nextSquares = add(mul(squares, beta2), square(gradient));
      const correction = sqrt(biasCorrection(beta2, step));
      const size = mul(div(mul(rate, correction), biasCorrection(beta1, step)), (1 - beta1) / scale);
      const change = div(mul(nextMean, size), add(sqrt(nextSquares), mul(correction, epsilon / scale)));
      return {
        parameter: sub(decayed(parameter, { rate, weightDecay, decays }), change),
        slots: [nextMean, nextSquares],
      };
    },
  };
}

/** 1 − beta^step, whose leading digits float32 would lose in the first steps. */
function biasCorrection(beta: number, step: Value): Value {
  return cast(sub(1, pow(scalar('float64', beta), cast(step, 'float64'))), step.dtype);
}

export interface RmsPropOptions extends RateOptions {
  /** Decay of the mean of squares; default 0.99. */
  readonly alpha?: number;
  /** Default 1e-8. */
  readonly epsilon?: number;
  /** Default 0. */
  readonly momentum?: number;
}

/** RMSprop. Default rate 0.01. Source: Tieleman & Hinton 2012. */
export function rmsProp({
  learningRate = 0.01,
  alpha = 0.99,
  epsilon = 1e-8,
  momentum = 0,
}: RmsPropOptions = {}): Optimizer {
  assertFraction('rmsProp: alpha', alpha);
  assertFraction('rmsProp: momentum', momentum);
  assertAmount('rmsProp: epsilon', epsilon);
  return {
    name: 'rmsProp',
    schedule: constantRate(learningRate),
    slots: momentum > 0 ? ['square', 'velocity'] : ['square'],
    update({ parameter, gradient, slots: [squares, velocity], learningRate: rate }) {
      if (squares === undefined) throw missingSlot('rmsProp');
      const nextSquares = add(mul(squares, alpha), mul(square(gradient), 1 - alpha));
      const scaled = div(gradient, add(sqrt(nextSquares), epsilon));
      if (velocity === undefined) return { parameter: sub(parameter, mul(scaled, rate)), slots: [nextSquares] };
      const nextVelocity = add(mul(velocity, momentum), scaled);
      return { parameter: sub(parameter, mul(nextVelocity, rate)), slots: [nextSquares, nextVelocity] };
    },
  };
}

export interface AdagradOptions extends RateOptions {
  /** Default 1e-10. */
  readonly epsilon?: number;
}

/** Adagrad. Default rate 0.01. Source: Duchi, Hazan & Singer 2011. */
export function adagrad({ learningRate = 0.01, epsilon = 1e-10 }: AdagradOptions = {}): Optimizer {
  assertAmount('adagrad: epsilon', epsilon);
  return {
    name: 'adagrad',
    schedule: constantRate(learningRate),
    slots: ['square'],
    update({ parameter, gradient, slots: [squares], learningRate: rate }) {
      if (squares === undefined) throw missingSlot('adagrad');
      const nextSquares = add(squares, square(gradient));
      return {
        parameter: sub(parameter, div(mul(gradient, rate), add(sqrt(nextSquares), epsilon))),
        slots: [nextSquares],
      };
    },
  };
}

export interface LionOptions extends RateOptions {
  /** Default 0.9. */
  readonly beta1?: number;
  /** Default 0.99. */
  readonly beta2?: number;
  /** Default 0. */
  readonly weightDecay?: number;
}

/** Lion: steps of equal size in the direction of the mean's sign. Default rate 0.0001. Source: Chen et al. 2023. */
export function lion({ learningRate = 1e-4, beta1 = 0.9, beta2 = 0.99, weightDecay = 0 }: LionOptions = {}): Optimizer {
  assertFraction('lion: beta1', beta1);
  assertFraction('lion: beta2', beta2);
  assertAmount('lion: weightDecay', weightDecay);
  return {
    name: 'lion',
    schedule: constantRate(learningRate),
    slots: ['mean'],
    update({ parameter, gradient, slots: [mean], learningRate: rate, decays }) {
      if (mean === undefined) throw missingSlot('lion');
      const direction = sign(add(mul(mean, beta1), mul(gradient, 1 - beta1)));
      return {
        parameter: sub(decayed(parameter, { rate, weightDecay, decays }), mul(direction, rate)),
        slots: [add(mul(mean, beta2), mul(gradient, 1 - beta2))],
      };
    },
  };
}

const BY_NAME = {
  sgd: () => sgd(),
  momentum: () => sgd({ momentum: 0.9 }),
  nesterov: () => sgd({ momentum: 0.9, nesterov: true }),
  rmsProp: () => rmsProp(),
  adam: () => adam(),
  adamW: () => adamW(),
  adagrad: () => adagrad(),
  lion: () => lion(),
} as const;

export type OptimizerName = keyof typeof BY_NAME;

/** @throws INVALID_ARGUMENT for a name that is none of the standard ones */
export function optimizerFor(choice: Optimizer | OptimizerName): Optimizer {
  if (typeof choice !== 'string') return choice;
  if (Object.hasOwn(BY_NAME, choice)) return BY_NAME[choice]();
  throw new AmaasError(
    'INVALID_ARGUMENT',
    `optimizer: expected one of ${Object.keys(BY_NAME).join(', ')}, got ${String(choice)}`,
  );
}

function decayed(
  parameter: Value,
  { rate, weightDecay, decays }: { readonly rate: Value; readonly weightDecay: number; readonly decays: boolean },
): Value {
  return weightDecay === 0 || !decays ? parameter : mul(parameter, sub(1, mul(rate, weightDecay)));
}

function missingSlot(optimizer: string): AmaasError {
  return new AmaasError('INTERNAL', `${optimizer}: a slot is missing`);
}

function assertFraction(what: string, value: number): void {
  if (!(value >= 0 && value < 1)) throw new AmaasError('INVALID_ARGUMENT', `${what} must be in [0, 1), got ${value}`);
}

function assertAmount(what: string, value: number): void {
  if (!(value >= 0 && Number.isFinite(value))) {
    throw new AmaasError('INVALID_ARGUMENT', `${what} must be a finite number of at least 0, got ${value}`);
  }
}
