// TensorFlow.js's side of the training benches, with its core operations and optimisers (its layers API adds to that). Runs
// in Node and in browsers: gets `tf` handed in. Plain JavaScript, because the checkout does not hold TensorFlow.js's types.
// Its WebAssembly backend has no kernel for the filter gradient of a convolution; it is written here as the convolution it
// is, which users of TensorFlow.js would have to do as well.
import { batchesOf } from './workloads.ts';

/** A training under way: `step(n)` does n steps and gives the loss of the last. */
export function startTfjs(tf, name) {
  if (MODELS[name] === undefined) throw new Error('not written for TensorFlow.js');
  const { lossOf, optimizer, decay = 0, clipNorm = null } = MODELS[name](tf);
  const batches = batchesOf(name).map((batch) => tensorsOf(tf, name, batch));
  let done = 0;
  return {
    async step(steps) {
      let last = null;
      for (let count = 0; count < steps; count++) {
        last?.dispose();
        const batch = batches[done++ % batches.length];
        last = tf.tidy(() => {
          const { value, grads } = tf.variableGrads(() => lossOf(batch));
          applyGradients(tf, grads, { optimizer, decay, clipNorm });
          return value;
        });
      }
      const [loss] = await last.data();
      last.dispose();
      return loss;
    },
  };
}

function applyGradients(tf, grads, { optimizer, decay, clipNorm }) {
  let scaled = grads;
  if (clipNorm !== null) {
    const squares = Object.values(grads).map((grad) => grad.square().sum());
    const factor = tf.minimum(tf.scalar(clipNorm).div(tf.addN(squares).sqrt().add(1e-6)), 1);
    scaled = Object.fromEntries(Object.entries(grads).map(([key, grad]) => [key, grad.mul(factor)]));
  }
  if (decay > 0) {
    for (const key of Object.keys(grads)) {
      const variable = tf.engine().registeredVariables[key];
      if (variable.rank >= 2) variable.assign(variable.mul(1 - optimizer.learningRate * decay));
    }
  }
  optimizer.applyGradients(scaled);
}

function tensorsOf(tf, name, { x, xShape, y, yShape }) {
  if (name === 'gpt') return { x: oneHot(tf, x, 65), y: oneHot(tf, y, 65) };
  const isImage = xShape.length === 4; // [N, channels, height, width]; TensorFlow.js wants the channels last
  const input = isImage ? tf.tidy(() => tf.tensor(x, xShape).transpose([0, 2, 3, 1])) : tf.tensor(x, xShape);
  return { x: input, y: name === 'mlp-small' ? tf.tensor(y, yShape) : oneHot(tf, y, 10) };
}

function oneHot(tf, classes, count) {
  const data = new Float32Array(classes.length * count);
  for (const [row, label] of classes.entries()) data[row * count + label] = 1;
  return tf.tensor(data, [classes.length, count]);
}

const matrix = (tf, rows, columns) => tf.variable(tf.randomUniform([rows, columns], -1, 1).div(Math.sqrt(rows)));
const zeros = (tf, ...shape) => tf.variable(tf.zeros(shape));
const crossEntropy = (logits, y) => logits.logSoftmax().mul(y).sum().div(-y.shape[0]);

function mlp(tf, widths) {
  const layers = widths.slice(1).map((columns, index) => [matrix(tf, widths[index], columns), zeros(tf, columns)]);
  return (x) =>
    layers.reduce((h, [weights, bias], index) => {
      const z = h.matMul(weights).add(bias);
      return index + 1 < layers.length ? z.relu() : z;
    }, x);
}

function filter(tf, size, inputs, outputs) {
  return tf.variable(tf.randomUniform([size, size, inputs, outputs], -1, 1).div(Math.sqrt(size * size * inputs)));
}

/** Stride 1; `pad` on each side. */
function convolution(tf, pad) {
  return tf.customGrad((x, weights, save) => {
    save([x, weights]);
    return {
      value: tf.conv2d(x, weights, 1, pad === 0 ? 'valid' : 'same'),
      gradFunc: (dy, [x, weights]) => [
        tf.conv2dTranspose(dy, weights, x.shape, 1, pad === 0 ? 'valid' : 'same'),
        // dW[i, j, in, out] = Σ over images and places of x[n, p + i, q + j, in] · dy[n, p, q, out]
        tf
          .conv2d(
            x.pad([[0, 0], [pad, pad], [pad, pad], [0, 0]]).transpose([3, 1, 2, 0]), // biome-ignore format: one table row
            dy.transpose([1, 2, 0, 3]),
            1,
            'valid',
          )
          .transpose([1, 2, 0, 3]),
      ],
    };
  });
}

function batchNorm(tf, channels) {
  const [scale, offset] = [tf.variable(tf.ones([channels])), zeros(tf, channels)];
  return (x) => {
    const centred = x.sub(x.mean([0, 1, 2]));
    return centred
      .mul(centred.square().mean([0, 1, 2]).add(1e-5).rsqrt())
      .mul(scale)
      .add(offset);
  };
}

const MODELS = {
  'mlp-small'(tf) {
    const forward = mlp(tf, [100, 64, 32, 1]);
    const lossOf = ({ x, y }) => {
      const logits = forward(x);
      return logits.softplus().sub(logits.mul(y)).mean();
    };
    return { lossOf, optimizer: tf.train.adam(1e-3) };
  },
  'mlp-digits'(tf) {
    const forward = mlp(tf, [784, 512, 256, 10]);
    return { lossOf: ({ x, y }) => crossEntropy(forward(x), y), optimizer: tf.train.adam(1e-3) };
  },
  lenet(tf) {
    const [w1, b1, w2, b2] = [filter(tf, 5, 1, 16), zeros(tf, 16), filter(tf, 5, 16, 32), zeros(tf, 32)];
    const [w3, b3] = [matrix(tf, 512, 10), zeros(tf, 10)];
    const conv = convolution(tf, 0);
    const lossOf = ({ x, y }) => {
      const h = conv(x, w1).add(b1).relu().maxPool(2, 2, 'valid');
      const g = conv(h, w2).add(b2).relu().maxPool(2, 2, 'valid');
      return crossEntropy(g.reshape([-1, 512]).matMul(w3).add(b3), y);
    };
    return { lossOf, optimizer: tf.train.sgd(0.05) };
  },
  'resnet-block'(tf) {
    const [w1, w2, offset] = [filter(tf, 3, 64, 64), filter(tf, 3, 64, 64), zeros(tf, 64)];
    const [norm1, norm2] = [batchNorm(tf, 64), batchNorm(tf, 64)];
    const [w3, b3] = [matrix(tf, 64, 10), zeros(tf, 10)];
    const conv = convolution(tf, 1);
    const lossOf = ({ x, y }) => {
      const input = x.add(offset);
      const h = norm1(conv(input, w1)).relu();
      const block = norm2(conv(h, w2)).add(input).relu();
      return crossEntropy(block.mean([1, 2]).matMul(w3).add(b3), y);
    };
    return { lossOf, optimizer: tf.train.sgd(0.05) };
  },
  gpt(tf) {
    const [layers, heads, width, block] = [4, 4, 128, 64];
    const normal = (...shape) => tf.variable(tf.randomNormal(shape, 0, 0.02));
    const layerNorm = () => {
      const scale = tf.variable(tf.ones([width]));
      return (x) => {
        const centred = x.sub(x.mean(-1, true));
        return centred.mul(centred.square().mean(-1, true).add(1e-5).rsqrt()).mul(scale);
      };
    };
    const [tokens, positions, finalNorm] = [normal(65, width), normal(block, width), layerNorm()];
    const upper = Float32Array.from({ length: block * block }, (_, i) =>
      i % block > Math.floor(i / block) ? -1e9 : 0,
    );
    const mask = tf.tensor(upper, [block, block]);
    const blocks = Array.from({ length: layers }, () => ({
      norm1: layerNorm(),
      qkv: normal(width, 3 * width),
      out: normal(width, width),
      norm2: layerNorm(),
      up: normal(width, 4 * width),
      down: normal(4 * width, width),
    }));
    const split = (part) => part.reshape([-1, block, heads, width / heads]).transpose([0, 2, 1, 3]);
    const attention = (x, { qkv, out }) => {
      const [q, k, v] = x.matMul(qkv).split(3, 1).map(split);
      const scores = tf
        .matMul(q, k, false, true)
        .mul((width / heads) ** -0.5)
        .add(mask);
      return tf.matMul(scores.softmax(), v).transpose([0, 2, 1, 3]).reshape([-1, width]).matMul(out);
    };
    const gelu = (x) => x.mul(x.div(Math.SQRT2).erf().add(1)).mul(0.5);
    const lossOf = ({ x, y }) => {
      // One-hot times table: the backend has no kernel for the gradient of gather.
      let h = x.matMul(tokens).reshape([-1, block, width]).add(positions).reshape([-1, width]);
      for (const each of blocks) {
        h = h.add(attention(each.norm1(h), each));
        h = h.add(gelu(each.norm2(h).matMul(each.up)).matMul(each.down));
      }
      return crossEntropy(tf.matMul(finalNorm(h), tokens, false, true), y);
    };
    return { lossOf, optimizer: tf.train.adam(1e-3, 0.9, 0.99), decay: 0.1, clipNorm: 1 };
  },
};
