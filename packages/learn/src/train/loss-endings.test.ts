// Pairs of a loss and a network's end: which are refused, and with which words.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { add, clip, matMul, mul, reshape as reshapeValue, sigmoid, softmax, sub } from '../graph/index.ts';
import {
  activation,
  type ActivationName,
  dense,
  flatten,
  functional,
  gpt,
  type Head,
  type Layer,
  layer,
  type Network,
  reshape,
  sequential,
  tabularNetwork,
} from '../layers/index.ts';
import {
  binaryCrossentropy,
  categoricalCrossentropy,
  type Examples,
  fit,
  type Loss,
  sparseCategoricalCrossentropy,
} from './index.ts';
import { integers, matrix, ortExecutor, smallExamples } from './testing/small-training.ts';

const executor = await ortExecutor();
const { inputs } = smallExamples(4);
const bits: Examples = { inputs, target: matrix([4], [0, 1, 1, 0]) };
const labels: Examples = { inputs, target: integers([4], [2, 1, 1, 0]) };
const shares: Examples = { inputs, target: matrix([4, 3], [0, 1, 0, 1, 0, 0, 0, 0.5, 0.5, 0, 0, 1]) };

async function train(network: Layer | Network, loss: Loss, examples: Examples): Promise<void> {
  await fit(network, examples, { executor, loss, epochs: 1 });
}

const SIGMOID_CURE =
  "give its last layer activation: 'sigmoid', or use binaryCrossentropy({ fromLogits: true }) without activation";
const ONE_UNIT =
  "the network ends in a softmax over one unit, which is always 1; binaryCrossentropy with activation: 'sigmoid' takes one unit, a softmax one per class";
const softmaxCure = (loss: string): string =>
  `give its last layer activation: 'softmax', or use ${loss}({ fromLogits: true }) without activation`;

const REFUSED: readonly (readonly [string, Layer, Loss, Examples, string])[] = [
  [
    'binary, linear',
    dense(1),
    binaryCrossentropy(),
    bits,
    `binaryCrossentropy: the network ends without an activation; ${SIGMOID_CURE}`,
  ],
  [
    'binary, linear and moved',
    sequential([dense(1, { useBias: false }), reshape([1, 1]), flatten()]),
    binaryCrossentropy(),
    bits,
    `binaryCrossentropy: the network ends without an activation; ${SIGMOID_CURE}`,
  ],
  ...(
    [
      ['relu', 'Relu'],
      ['tanh', 'Tanh'],
      ['leakyRelu', 'LeakyRelu'],
      ['softplus', 'Softplus'],
    ] as const
  ).map(
    ([name, operation]) =>
      [
        `binary, ${name}`,
        dense(1, { activation: name satisfies ActivationName }),
        binaryCrossentropy(),
        bits,
        `binaryCrossentropy: the network ends in ${operation}; ${SIGMOID_CURE}`,
      ] as const,
  ),
  [
    'binary, softmax of one',
    dense(1, { activation: 'softmax' }),
    binaryCrossentropy(),
    bits,
    `binaryCrossentropy: ${ONE_UNIT}`,
  ],
  [
    'binary logits of a sigmoid',
    sequential([dense(1, { activation: 'sigmoid' }), reshape([1])]),
    binaryCrossentropy({ fromLogits: true }),
    bits,
    'binaryCrossentropy: the network gives probabilities (it ends in Sigmoid) and fromLogits expects logits; take that activation away, or leave fromLogits out',
  ],
  [
    'sparse, linear',
    sequential([dense(5, { activation: 'relu' }), dense(3)]),
    sparseCategoricalCrossentropy(),
    labels,
    `sparseCategoricalCrossentropy: the network ends without an activation; ${softmaxCure('sparseCategoricalCrossentropy')}`,
  ],
  [
    'sparse, relu',
    dense(3, { activation: 'relu' }),
    sparseCategoricalCrossentropy(),
    labels,
    `sparseCategoricalCrossentropy: the network ends in Relu; ${softmaxCure('sparseCategoricalCrossentropy')}`,
  ],
  [
    'sparse, sigmoid',
    dense(3, { activation: 'sigmoid' }),
    sparseCategoricalCrossentropy(),
    labels,
    "sparseCategoricalCrossentropy: the network ends in Sigmoid, whose outputs are no distribution over classes; give its last layer activation: 'softmax'",
  ],
  [
    'sparse, softmax of one',
    dense(1, { activation: 'softmax' }),
    sparseCategoricalCrossentropy(),
    bits,
    `sparseCategoricalCrossentropy: ${ONE_UNIT}`,
  ],
  [
    'sparse logits of a softmax',
    dense(3, { activation: 'softmax' }),
    sparseCategoricalCrossentropy({ fromLogits: true }),
    labels,
    'sparseCategoricalCrossentropy: the network gives probabilities (it ends in Softmax) and fromLogits expects logits; take that activation away, or leave fromLogits out',
  ],
  [
    'categorical, linear',
    dense(3),
    categoricalCrossentropy(),
    shares,
    `categoricalCrossentropy: the network ends without an activation; ${softmaxCure('categoricalCrossentropy')}`,
  ],
];

for (const [what, network, loss, examples, message] of REFUSED) {
  test(`fit refuses ${what}`, async () => {
    await assert.rejects(train(network, loss, examples), { reason: 'INVALID_GRAPH', message });
  });
}

const binary: Head = { kind: 'binary' };
const scores: Layer = layer('scores', (x, scope) =>
  softmax(add(dense(3).apply(x, scope.inside('a')), dense(3).apply(x, scope.inside('b')))),
);
/** Two experts: a mixture of probabilities is one, though its last operation is a sum. */
const mixture: Layer = layer('mixture', (x, scope) => {
  const [a, b] = ['a', 'b'].map((name) => sigmoid(dense(1).apply(x, scope.inside(name))));
  return add(mul(a ?? x, 0.25), mul(b ?? x, 0.75));
});

const TAKEN: readonly (readonly [string, Layer | Network, Loss, Examples])[] = [
  ['a sigmoid', dense(1, { activation: 'sigmoid' }), binaryCrossentropy(), bits],
  ['a moved sigmoid', sequential([dense(1, { activation: 'sigmoid' }), reshape([1, 1])]), binaryCrossentropy(), bits],
  ['a hard sigmoid', dense(1, { activation: 'hardSigmoid' }), binaryCrossentropy(), bits],
  ['a clipped line', sequential([dense(1), layer('clipped', (x) => clip(x, 0, 1))]), binaryCrossentropy(), bits],
  ['a mixture', mixture, binaryCrossentropy(), bits],
  [
    'another bounded one',
    layer('own', (x, scope) => sub(1, sigmoid(dense(1).apply(x, scope)))),
    binaryCrossentropy(),
    bits,
  ],
  [
    'a softmax of two and shares',
    dense(2, { activation: 'softmax' }),
    binaryCrossentropy(),
    { inputs, target: matrix([4, 2], [0, 1, 1, 0, 1, 0, 0, 1]) },
  ],
  ['logits', dense(1), binaryCrossentropy({ fromLogits: true }), bits],
  ['a softmax', sequential([dense(3), activation('softmax')]), sparseCategoricalCrossentropy(), labels],
  ['a softmax of sums', scores, categoricalCrossentropy(), shares],
  ['logits of classes', dense(3), sparseCategoricalCrossentropy({ fromLogits: true }), labels],
  [
    'probabilities times weights of the data',
    functional(['x', 'mixing'], (given, scope) =>
      matMul(
        reshapeValue(dense(5, { activation: 'sigmoid' }).apply(given.get('x'), scope), [4, 1, 5]),
        given.get('mixing'),
      ),
    ),
    binaryCrossentropy(),
    {
      target: matrix([4, 1, 1], [0, 1, 1, 0]),
      inputs: new Map([...inputs, ['mixing', matrix([4, 5, 1], Array(20).fill(0.2))]]),
    },
  ],
  [
    'ready networks',
    tabularNetwork({ numericWidth: 5, categories: [], hidden: [3], head: binary }),
    binaryCrossentropy(),
    { ...bits, inputs: new Map([['numeric', inputs.get('x') ?? assert.fail()]]) },
  ],
  [
    'a GPT with logits',
    gpt({ vocabularySize: 4, blockSize: 2, layers: 1, heads: 1, width: 2 }),
    sparseCategoricalCrossentropy({ fromLogits: true }),
    { inputs: new Map([['x', integers([2, 2], [0, 1, 2, 3])]]), target: integers([2, 2], [1, 2, 3, 0]) },
  ],
];

for (const [what, network, loss, examples] of TAKEN) {
  test(`fit takes ${what} for ${loss.name}`, async () => {
    await train(network, loss, examples);
  });
}

test('fit refuses a GPT whose loss is not told of logits', async () => {
  const network = gpt({ vocabularySize: 4, blockSize: 2, layers: 1, heads: 1, width: 2 });
  const examples = { inputs: new Map([['x', integers([2, 2], [0, 1, 2, 3])]]), target: integers([2, 2], [1, 2, 3, 0]) };
  await assert.rejects(train(network, sparseCategoricalCrossentropy(), examples), {
    message: /^sparseCategoricalCrossentropy: the network ends without an activation; /,
  });
});
