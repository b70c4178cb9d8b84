// Recurrent layers against PyTorch: outputs, final states and every gradient; the form that is trained by the reference and
// by ONNX Runtime after the passes that training applies, the form that is exported by ONNX Runtime.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileToOnnx, simplify } from '../compile/index.ts';
import { add, constantOf, gradients, input, mul, reduceSum, type Value } from '../graph/index.ts';
import { arrayFromTensor, evaluate, type NumericArray, numbersOf, tensorFromArray } from '../reference/index.ts';
import { assertClose, ortExecutor } from '../reference/testing/check-operation.ts';
import { bidirectional, createScope, gru, lstm, type RecurrentLayer, simpleRnn, stacked } from './index.ts';
import { loadTorchRecurrent, type TorchRecurrent, type TorchRecurrentName, wave } from './testing/torch-recurrent.ts';

interface Setting {
  readonly layer: RecurrentLayer;
  /** Where PyTorch has each of our blocks of gates. */
  readonly gates: readonly number[];
  /** PyTorch's suffix of each direction of each layer → where our parameters are. */
  readonly paths: Readonly<Record<string, string>>;
  /** Whether the recurrent bias of the last gate is a parameter of its own. */
  readonly hasRecurrentBias?: true;
}

const all = { returnSequences: true } as const;
const LSTM_GATES = [0, 3, 1, 2];
const GRU_GATES = [1, 0, 2];
const BOTH = { l0: 'forward', l0_reverse: 'backward' };

const SETTINGS: Readonly<Record<TorchRecurrentName, Setting>> = {
  rnn: { layer: simpleRnn(4, all), gates: [0], paths: { l0: '' } },
  lstm: { layer: lstm(4, all), gates: LSTM_GATES, paths: { l0: '' } },
  gru: { layer: gru(4, all), gates: GRU_GATES, paths: { l0: '' }, hasRecurrentBias: true },
  bilstm: {
    layer: stacked([bidirectional(lstm(3)), bidirectional(lstm(3, all))]),
    gates: LSTM_GATES,
    paths: {
      l0: '0.bidirectional.forward',
      l0_reverse: '0.bidirectional.backward',
      l1: '1.bidirectional.forward',
      l1_reverse: '1.bidirectional.backward',
    },
  },
  bigru: { layer: bidirectional(gru(3, all)), gates: GRU_GATES, paths: BOTH, hasRecurrentBias: true },
  long: { layer: lstm(3, all), gates: LSTM_GATES, paths: { l0: '' } },
};

const filled = (shape: readonly number[], at: (index: number) => number): NumericArray => ({
  dtype: 'float32',
  shape,
  data: Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, index) => at(index)),
});

const weightsOf = (shape: Value['shape'], start: number): Value => {
  const { shape: sizes, data } = filled(shape.map(Number), wave(start, 1));
  return constantOf('float32', sizes, data);
};

/** A PyTorch matrix [gates · units, in] or bias as our [in, gates · units]. */
function ours(values: readonly number[], inner: number, { gates }: Setting): number[] {
  const rows = values.length / inner;
  const units = rows / gates.length;
  return Array.from({ length: values.length }, (_, index) => {
    const [row, column] = [Math.floor(index / rows), index % rows];
    const torchRow = (gates[Math.floor(column / units)] ?? 0) * units + (column % units);
    return values[torchRow * inner + row] ?? Number.NaN;
  });
}

/** Parameters by our names, made of PyTorch's: values, or gradients. */
function parametersOf(
  torch: TorchRecurrent,
  setting: Setting,
  pick: (name: string, index: number) => readonly number[],
  isGradient: boolean,
): ReadonlyMap<string, number[]> {
  const { parameters } = torch.gradients;
  const names = Object.keys(parameters);
  const found = new Map<string, number[]>();
  for (const [suffix, path] of Object.entries(setting.paths)) {
    const take = (kind: string): number[] => {
      const name = `${kind}_${suffix}`;
      return ours(pick(name, names.indexOf(name)), parameters[name]?.shape[1] ?? 1, setting);
    };
    const at = (name: string): string => (path === '' ? name : `${path}/${name}`);
    const [inputBias, stateBias] = [take('bias_ih'), take('bias_hh')];
    const units = inputBias.length / setting.gates.length;
    const apart = setting.hasRecurrentBias ? inputBias.length - units : inputBias.length;
    found.set(at('kernel'), take('weight_ih'));
    found.set(at('recurrent kernel'), take('weight_hh'));
    // Both biases of a gate are one of ours: it has their sum, and the gradient of either.
    const sum = inputBias.map((value, index) => value + (index < apart ? (stateBias[index] ?? 0) : 0));
    found.set(at('bias'), isGradient ? inputBias : sum);
    if (setting.hasRecurrentBias) found.set(at('recurrent bias'), stateBias.slice(apart));
  }
  return found;
}

/** PyTorch's states, [layers · directions, batch, units] of each kind, as ours: the kinds of each layer and direction. */
function statesOf(torch: TorchRecurrent, states: readonly (readonly number[])[], { layer }: Setting): number[][] {
  const kinds = states.length;
  return layer.stateWidths.map((width, index) => {
    const size = width * (torch.shape[0] ?? 0);
    return (states[index % kinds] ?? []).slice(
      Math.floor(index / kinds) * size,
      (Math.floor(index / kinds) + 1) * size,
    );
  });
}

function build(name: TorchRecurrentName, training: boolean) {
  const [torch, setting] = [loadTorchRecurrent()[name], SETTINGS[name]];
  const { layer } = setting;
  const x = input('x', 'float32', torch.shape);
  const batch = torch.shape[0] ?? 0;
  const initial = layer.stateWidths.map((width, index) => input(`state ${index}`, 'float32', [batch, width]));
  const lengths = torch.lengths === null ? undefined : constantOf('int64', [batch], torch.lengths);
  const { scope, record } = createScope(training);
  const { y, states } = layer.run(x, scope, { initial, lengths });
  const kinds = torch.states.length;
  const part = (index: number, width: number): Value => {
    const { data } = filled([Object.keys(setting.paths).length * batch * width], wave(2 + (index % kinds), 1));
    const from = Math.floor(index / kinds) * batch * width;
    return constantOf('float32', [batch, width], data.slice(from, from + batch * width));
  };
  const loss = states.reduce(
    (sum, state, index) => add(sum, reduceSum(mul(state, part(index, layer.stateWidths[index] ?? 0)))),
    reduceSum(mul(y, weightsOf(y.shape, 0.5))),
  );
  const outputs = new Map<string, Value>([
    ['y', y],
    ['loss', loss],
  ]);
  const expected: (readonly number[])[] = [torch.y, [torch.loss], ...statesOf(torch, torch.states, setting)];
  for (const [index, state] of states.entries()) outputs.set(`final ${index}`, state);
  const { parameters } = record();
  const sources = [x, ...initial, ...parameters.map(({ value }) => value)];
  const names = parameters.map((each) => each.name);
  const values = parametersOf(
    torch,
    setting,
    (key, index) => [...filled([torch.gradients.parameters[key]?.values.length ?? 0], wave(index + 1, 0.5)).data],
    false,
  );
  assert.deepEqual([...values.keys()].toSorted(), names.toSorted());
  const starts = Array.from({ length: kinds }, (_, index) => [
    ...filled([Object.keys(setting.paths).length * batch * (layer.stateWidths[0] ?? 0)], wave(10 + index, 0.8)).data,
  ]);
  const given = [
    [...filled(torch.shape, wave(0.3, 1.5)).data],
    ...statesOf(torch, starts, setting),
    ...names.map((each) => values.get(each) ?? assert.fail()),
  ];
  const feeds = new Map(
    sources.map((source, index): [Value, NumericArray] => [
      source,
      { dtype: 'float32', shape: source.shape.map(Number), data: Float64Array.from(given[index] ?? []) },
    ]),
  );
  if (training) {
    for (const [index, gradient] of gradients(loss, sources).entries()) outputs.set(`gradient ${index}`, gradient);
    const wanted = parametersOf(torch, setting, (key) => torch.gradients.parameters[key]?.values ?? [], true);
    expected.push(torch.gradients.x, ...statesOf(torch, torch.gradients.states, setting));
    for (const each of names) expected.push(wanted.get(each) ?? assert.fail());
  }
  return { outputs, expected, feeds, sources };
}

function assertValues(
  found: NumericArray,
  expected: readonly number[],
  { what, tolerance }: { what: string; tolerance: number },
) {
  assert.equal(found.data.length, expected.length, what);
  try {
    assertClose(found, { ...found, data: Float64Array.from(expected) }, tolerance);
  } catch (error) {
    assert.fail(`${what}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function runOnOrt({ outputs, feeds, sources }: ReturnType<typeof build>) {
  const compiled = await (await ortExecutor()).compile(compileToOnnx(simplify(outputs), { inputs: sources }));
  try {
    const given = sources.map(
      (source) =>
        [
          source.origin.kind === 'input' ? source.origin.name : '',
          tensorFromArray(feeds.get(source) ?? assert.fail()),
        ] as const,
    );
    const found = await compiled.run(new Map(given));
    return [...outputs.keys()].map((what) => numbersOf(arrayFromTensor(found.get(what) ?? assert.fail())));
  } finally {
    await compiled.dispose();
  }
}

for (const name of Object.keys(SETTINGS) as TorchRecurrentName[]) {
  test(`${name}: what is trained has PyTorch's values and gradients, by the reference`, () => {
    const { outputs, expected, feeds } = build(name, true);
    const found = evaluate([...outputs.values()], feeds).map(numbersOf);
    for (const [index, what] of [...outputs.keys()].entries()) {
      assertValues(found[index] ?? assert.fail(), expected[index] ?? [], { what, tolerance: 1e-6 });
    }
  });

  test(`${name}: what is trained has PyTorch's values and gradients, on ONNX Runtime`, async () => {
    const built = build(name, true);
    const found = await runOnOrt(built);
    for (const [index, what] of [...built.outputs.keys()].entries()) {
      assertValues(found[index] ?? assert.fail(), built.expected[index] ?? [], { what, tolerance: 1e-5 });
    }
  });

  test(`${name}: what is exported has PyTorch's values, on ONNX Runtime`, async () => {
    const built = build(name, false);
    const found = await runOnOrt(built);
    for (const [index, what] of [...built.outputs.keys()].entries()) {
      assertValues(found[index] ?? assert.fail(), built.expected[index] ?? [], { what, tolerance: 1e-5 });
    }
  });
}
