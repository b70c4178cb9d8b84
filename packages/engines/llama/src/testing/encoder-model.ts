// A small BERT with drawn weights, as a GGUF file for llama.cpp and as plain float64 arithmetic to hold it against.
// Source: Devlin et al. 2019; the names of tensors and keys as llama.cpp has them.
import { createGguf, type GgufTensor, type GgufValue } from '@amaas/learn/gguf';
import { createRandom } from '@amaas/learn/statistics';

const WORDS = ['the', 'cat', 'dog', 'sat', 'ran', 'on', 'mat', 'red', 'big', 'bird', 'sky', 'saw', 'a', 'in', 'and'];
const TOKENS = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...WORDS.map((word) => `\u2581${word}`)];
const CLS = 2;
const SEP = 3;
const SIZES = { width: 32, heads: 4, layers: 2, inner: 48, places: 40, epsilon: 1e-12 } as const;

export const ENCODER_PLACES = SIZES.places;

/** @param pooling - llama.cpp's number: 1 mean, 2 the first token, 4 a judge of pairs */
export function createEncoderFile(pooling: 1 | 2 | 4): Uint8Array<ArrayBuffer> {
  const { width, heads, layers, inner, places, epsilon } = SIZES;
  const number = (value: number): GgufValue => ({ type: 'uint32', value });
  const metadata = new Map<string, GgufValue>([
    ['general.architecture', { type: 'string', value: 'bert' }],
    ['bert.context_length', number(places)],
    ['bert.embedding_length', number(width)],
    ['bert.feed_forward_length', number(inner)],
    ['bert.block_count', number(layers)],
    ['bert.attention.head_count', number(heads)],
    ['bert.attention.layer_norm_epsilon', { type: 'float32', value: epsilon }],
    ['bert.attention.causal', { type: 'bool', value: false }],
    ['bert.pooling_type', number(pooling)],
    ['tokenizer.ggml.model', { type: 'string', value: 'bert' }],
    ['tokenizer.ggml.token_type_count', number(2)],
    ['tokenizer.ggml.tokens', { type: 'array', of: 'string', items: TOKENS }],
    ['tokenizer.ggml.token_type', { type: 'array', of: 'int32', items: TOKENS.map((_, id) => (id < 5 ? 3 : 1)) }],
    ...(['padding', 'unknown', 'bos', 'seperator', 'mask'] as const).map(
      (name, id) => [`tokenizer.ggml.${name}_token_id`, number(id)] as const,
    ),
  ]);
  const tensors = new Map<string, GgufTensor>();
  for (const [name, { shape, values }] of drawWeights()) {
    if (pooling === 4 || !name.startsWith('cls')) tensors.set(name, { type: 'F32', shape, load: () => values });
  }
  return createGguf({ metadata, tensors });
}

interface Weight {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

function drawWeights(): ReadonlyMap<string, Weight> {
  const { width, layers, inner, places } = SIZES;
  const random = createRandom('a small BERT');
  const weights = new Map<string, Weight>();
  const draw = (name: string, shape: readonly number[], spread: number, centre = 0): void => {
    const draws = random.fork(name);
    const length = shape.reduce((product, size) => product * size, 1);
    weights.set(name, { shape, values: Float32Array.from({ length }, () => centre + spread * draws.normal()) });
  };
  const dense = (name: string, outputs: number, inputs: number): void => {
    draw(`${name}.weight`, [outputs, inputs], 1.2 / Math.sqrt(inputs));
    draw(`${name}.bias`, [outputs], 0.2);
  };
  const norm = (name: string): void => {
    draw(`${name}.weight`, [width], 0.2, 1);
    draw(`${name}.bias`, [width], 0.1);
  };
  draw('token_embd.weight', [TOKENS.length, width], 1);
  draw('token_types.weight', [2, width], 0.3);
  draw('position_embd.weight', [places, width], 0.3);
  norm('token_embd_norm');
  for (let layer = 0; layer < layers; layer++) {
    for (const name of ['attn_q', 'attn_k', 'attn_v', 'attn_output']) dense(`blk.${layer}.${name}`, width, width);
    norm(`blk.${layer}.attn_output_norm`);
    dense(`blk.${layer}.ffn_up`, inner, width);
    dense(`blk.${layer}.ffn_down`, width, inner);
    norm(`blk.${layer}.layer_output_norm`);
  }
  dense('cls', width, width);
  dense('cls.output', 1, width);
  return weights;
}

export function encoderTokens(text: string): readonly number[] {
  return text.split(' ').map((word) => TOKENS.indexOf(`\u2581${word}`));
}

export function embedByHand(text: string, pooling: 1 | 2): readonly number[] {
  const states = computeStates([CLS, ...encoderTokens(text), SEP]);
  const pooled = pooling === 2 ? (states[0] ?? []) : meanOf(states);
  const length = Math.hypot(...pooled);
  return pooled.map((value) => value / length);
}

/** @param end - what ends the pair: llama-server leaves out the separator that BERT was trained with */
export function rankByHand(query: string, text: string, end: readonly number[] = [SEP]): number {
  const [first = []] = computeStates([CLS, ...encoderTokens(query), SEP, ...encoderTokens(text), ...end]);
  const weights = drawWeights();
  return linear(weights, 'cls.output', linear(weights, 'cls', first).map(Math.tanh))[0] ?? Number.NaN;
}

type Row = readonly number[];
type Weights = ReadonlyMap<string, Weight>;

/** (T, width) */
function computeStates(ids: readonly number[]): readonly Row[] {
  const { layers } = SIZES;
  const weights = drawWeights();
  let states = ids.map((id, place) => {
    const token = rowOf(weights, 'token_embd.weight', id);
    const position = rowOf(weights, 'position_embd.weight', place);
    const kind = rowOf(weights, 'token_types.weight', 0);
    const sum = token.map((value, k) => value + (position[k] ?? 0) + (kind[k] ?? 0));
    return normalized(weights, 'token_embd_norm', sum);
  });
  for (let layer = 0; layer < layers; layer++) {
    const name = (part: string): string => `blk.${layer}.${part}`;
    const attended = attend(weights, layer, states).map((row) => linear(weights, name('attn_output'), row));
    const middle = states.map((row, t) => normalized(weights, name('attn_output_norm'), add(row, attended[t] ?? [])));
    states = middle.map((row) => {
      const inner = linear(weights, name('ffn_up'), row).map(gelu);
      return normalized(weights, name('layer_output_norm'), add(row, linear(weights, name('ffn_down'), inner)));
    });
  }
  return states;
}

function attend(weights: Weights, layer: number, states: readonly Row[]): readonly Row[] {
  const { width, heads } = SIZES;
  const depth = width / heads;
  const [queries = [], keys = [], values = []] = ['attn_q', 'attn_k', 'attn_v'].map((part) =>
    states.map((row) => linear(weights, `blk.${layer}.${part}`, row)),
  );
  return queries.map((query) =>
    query.map((_, k) => {
      const from = depth * Math.floor(k / depth);
      const scores = keys.map((key) => {
        let sum = 0;
        for (let i = from; i < from + depth; i++) sum += (query[i] ?? 0) * (key[i] ?? 0);
        return Math.exp(sum / Math.sqrt(depth));
      });
      const total = scores.reduce((a, b) => a + b, 0);
      return scores.reduce((sum, score, t) => sum + (score / total) * (values[t]?.[k] ?? 0), 0);
    }),
  );
}

function rowOf(weights: Weights, name: string, index: number): Row {
  const { width } = SIZES;
  return [...(weights.get(name)?.values.subarray(index * width, (index + 1) * width) ?? [])];
}

function linear(weights: Weights, name: string, row: Row): Row {
  const kernel = weights.get(`${name}.weight`)?.values ?? [];
  const bias = weights.get(`${name}.bias`)?.values ?? [];
  return Array.from(bias, (start, output) =>
    row.reduce((sum, value, k) => sum + value * (kernel[output * row.length + k] ?? 0), start),
  );
}

function normalized(weights: Weights, name: string, row: Row): Row {
  const scale = weights.get(`${name}.weight`)?.values ?? [];
  const shift = weights.get(`${name}.bias`)?.values ?? [];
  const mean = row.reduce((a, b) => a + b, 0) / row.length;
  const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / row.length;
  return row.map(
    (value, k) => ((value - mean) / Math.sqrt(variance + SIZES.epsilon)) * (scale[k] ?? 0) + (shift[k] ?? 0),
  );
}

function meanOf(rows: readonly Row[]): Row {
  return (rows[0] ?? []).map((_, k) => rows.reduce((sum, row) => sum + (row[k] ?? 0), 0) / rows.length);
}

function add(a: Row, b: Row): Row {
  return a.map((value, k) => value + (b[k] ?? 0));
}

/** By the hyperbolic tangent, as llama.cpp computes it. */
function gelu(x: number): number {
  return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
}
