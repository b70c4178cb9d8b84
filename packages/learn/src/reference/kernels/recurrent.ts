// Recurrent kernels, number by number as ONNX defines the operators; one direction.
import { numbersOf, type NumericArray, type ReferenceArray } from '../array.ts';
import type { Kernel, KernelContext } from '../kernel.ts';
import { numberAttribute, textAttribute } from './attributes.ts';

export const RECURRENT_KERNELS: ReadonlyMap<string, Kernel> = new Map<string, Kernel>([
  ['RNN', (context) => recur(context, rnnStep(context))],
  ['GRU', (context) => recur(context, gruStep(numberAttribute(context.node, 'linear_before_reset') === 1))],
  ['LSTM', (context) => recur(context, lstmStep)],
]);

/** One step of one sequence: writes the next states, of which the first is the output. */
interface Step {
  readonly gates: number;
  readonly states: number;
  run(context: StepContext): void;
}

interface StepContext {
  readonly units: number;
  readonly states: readonly Float64Array[];
  /** x · Wᵀ and its bias for a gate and unit. */
  input(gate: number, unit: number): number;
  /** h · Rᵀ and its bias, by default of the hidden state. */
  recurrent(gate: number, unit: number, hidden?: Float64Array): number;
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const RNN_FUNCTIONS: ReadonlyMap<string, (x: number) => number> = new Map([
  ['Tanh', Math.tanh],
  ['Relu', (x: number) => Math.max(0, x)],
  ['Sigmoid', sigmoid],
]);

function rnnStep({ node }: KernelContext): Step {
  const { activations } = node.attributes;
  const f = RNN_FUNCTIONS.get(Array.isArray(activations) ? String(activations[0]) : '') ?? Math.tanh;
  return {
    gates: 1,
    states: 1,
    run({ units, states: [hidden], input, recurrent }) {
      hidden?.set(Float64Array.from({ length: units }, (_, unit) => f(input(0, unit) + recurrent(0, unit))));
    },
  };
}

function gruStep(resetAfter: boolean): Step {
  return {
    gates: 3,
    states: 1,
    run({ units, states: [hidden = new Float64Array(units)], input, recurrent }) {
      const gate = (which: number): Float64Array =>
        Float64Array.from({ length: units }, (_, unit) => sigmoid(input(which, unit) + recurrent(which, unit)));
      const [update, reset] = [gate(0), gate(1)];
      const kept = hidden.map((value, unit) => value * (reset[unit] ?? 0));
      const next = hidden.map((value, unit) => {
        const past = resetAfter ? (reset[unit] ?? 0) * recurrent(2, unit) : recurrent(2, unit, kept);
        const candidate = Math.tanh(input(2, unit) + past);
        const share = update[unit] ?? 0;
        return (1 - share) * candidate + share * value;
      });
      hidden.set(next);
    },
  };
}

const lstmStep: Step = {
  gates: 4,
  states: 2,
  run({ units, states: [hidden, cell], input, recurrent }) {
    const next = new Float64Array(units);
    for (let unit = 0; unit < units; unit++) {
      const [i = 0, o = 0, f = 0, c = 0] = [0, 1, 2, 3].map((gate) => input(gate, unit) + recurrent(gate, unit));
      const memory = sigmoid(f) * (cell?.[unit] ?? 0) + sigmoid(i) * Math.tanh(c);
      if (cell !== undefined) cell[unit] = memory;
      next[unit] = sigmoid(o) * Math.tanh(memory);
    }
    hidden?.set(next);
  },
};

function recur({ node, inputs }: KernelContext, step: Step): readonly ReferenceArray[] {
  const [x, w, r, b, ...rest] = inputs.map(numbersOf);
  const { dtype, shape } = numbersOf(x);
  const [time = 0, batch = 0, features = 0] = shape;
  const units = numberAttribute(node, 'hidden_size');
  const isReversed = textAttribute(node, 'direction') === 'reverse';
  const lengths = rest[0]?.dtype === 'int32' ? rest.shift() : undefined;
  const sequence = new Float64Array(time * batch * units);
  const finals = Array.from({ length: step.states }, () => new Float64Array(batch * units));
  const rows = step.gates * units;
  const times = (weights: NumericArray | undefined, row: number, vector: Float64Array): number =>
    vector.reduce((sum, value, k) => sum + value * (weights?.data[row * vector.length + k] ?? 0), 0);
  for (let row = 0; row < batch; row++) {
    const own = [row * units, (row + 1) * units] as const;
    const states = finals.map((_, index) => rest[index]?.data.slice(...own) ?? new Float64Array(units));
    const length = lengths?.data[row] ?? time;
    for (let count = 0; count < length; count++) {
      const place = (isReversed ? length - 1 - count : count) * batch + row;
      const current = numbersOf(x).data.subarray(place * features, (place + 1) * features);
      const [before = new Float64Array(units)] = states.map((state) => state.slice());
      step.run({
        units,
        states,
        input: (gate, unit) => times(w, gate * units + unit, current) + (b?.data[gate * units + unit] ?? 0),
        recurrent: (gate, unit, hidden = before) =>
          times(r, gate * units + unit, hidden) + (b?.data[rows + gate * units + unit] ?? 0),
      });
      sequence.set(states[0] ?? [], place * units);
    }
    for (const [index, state] of states.entries()) finals[index]?.set(state, own[0]);
  }
  return [
    { dtype, shape: [time, 1, batch, units], data: sequence },
    ...finals.map((data) => ({ dtype, shape: [1, batch, units], data })),
  ];
}
