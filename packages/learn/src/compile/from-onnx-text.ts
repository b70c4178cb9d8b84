// ONNX's operators on text and categories, and the elementwise ones of its classical machine learning, as graph operations.
import {
  add,
  cast,
  concatStrings,
  constantOf,
  div,
  gather,
  greater,
  isNan,
  labelEncoder,
  matchesPattern,
  matMul,
  mul,
  murmurHash,
  ngramCounts,
  reduceMax,
  reduceSum,
  abs,
  splitCharacters,
  splitWords,
  sqrt,
  square,
  sub,
  transpose,
  type Value,
  where,
} from '../graph/index.ts';
import type { Converter, Converters, NodeContext } from './from-onnx-node.ts';

/** Of ONNX's own operator set. */
export const TEXT: Converters = {
  StringConcat: (context) => concatStrings(context.value(0), context.value(1)),
  RegexFullMatch: (context) => matchesPattern(context.value(0), context.text('pattern', '')),
  TfIdfVectorizer: countNgrams,
};

/** Of ONNX Runtime's own operator set. */
export const MICROSOFT_TEXT: Converters = {
  MurmurHash3(context) {
    if (context.int('positive', 1) !== 1) throw context.unsupported('gives signed hashes');
    return murmurHash(context.value(0), context.int('seed', 0));
  },
  Tokenizer(context) {
    const x = context.value(0);
    const plain =
      context.int('mark', 0) === 0 && context.int('mincharnum', 1) === 1 && context.text('pad_value', '') === '';
    if (!plain) throw context.unsupported('marks, pads or drops in another way than graphs do');
    const count = `${context.node.outputs[0]}:${x.shape.length}`;
    const pattern = context.text('tokenexp', '');
    if (pattern !== '') return splitWords(x, { pattern, count });
    const separators = context.texts('separators') ?? [];
    if (separators.length === 1 && separators[0] === '') return splitCharacters(x, { count });
    throw context.unsupported('splits at separators');
  },
};

/** Of ai.onnx.ml. */
export const CLASSICAL: Converters = {
  LabelEncoder: lookUp,
  Scaler(context) {
    const x = cast(context.value(0), 'float32');
    return mul(sub(x, floatsOf(context, 'offset')), floatsOf(context, 'scale'));
  },
  Imputer(context) {
    const x = context.value(0);
    const wanted = context.floats('imputed_value_floats');
    const replaced = context.float('replaced_value_float', 0);
    if (wanted === undefined || !Number.isNaN(replaced)) {
      throw context.unsupported('replaces something other than missing floats');
    }
    return where(isNan(x), constantOf(x.dtype, [wanted.length], wanted), x);
  },
  Binarizer: onFloats((x, context) => cast(greater(x, context.float('threshold', 0)), x.dtype)),
  Normalizer: onFloats((x, context) => {
    const along = { axes: [-1], keepAxes: true };
    const norm = context.text('norm', 'MAX');
    if (norm === 'L1') return div(x, reduceSum(abs(x), along));
    return div(x, norm === 'L2' ? sqrt(reduceSum(square(x), along)) : reduceMax(x, along));
  }),
  ArrayFeatureExtractor(context) {
    const x = context.value(0);
    return gather(x, context.value(1), x.shape.length - 1);
  },
  LinearRegressor(context) {
    if (context.text('post_transform', 'NONE') !== 'NONE') throw context.unsupported('transforms its results');
    const x = cast(context.value(0), 'float32');
    const targets = context.int('targets', 1);
    const coefficients = context.floats('coefficients') ?? [];
    const weights = constantOf('float32', [targets, coefficients.length / targets], coefficients);
    const product = matMul(x, transpose(weights));
    const intercepts = context.floats('intercepts');
    return intercepts === undefined ? product : add(product, constantOf('float32', [targets], intercepts));
  },
};

function onFloats(convert: (x: Value, context: NodeContext) => Value): Converter {
  return (context) => convert(context.value(0), context);
}

function floatsOf(context: NodeContext, name: string): Value {
  const floats = context.floats(name) ?? [];
  return constantOf('float32', floats.length === 1 ? [] : [floats.length], floats);
}

/** The first of the attributes that the node has: a table's keys or values come in one of three. */
function listOf(context: NodeContext, side: 'keys' | 'values'): readonly (string | number)[] {
  const list = context.texts(`${side}_strings`) ?? context.ints(`${side}_int64s`) ?? context.floats(`${side}_floats`);
  if (list === undefined) throw context.unsupported(`has no list of ${side}`);
  return list;
}

function lookUp(context: NodeContext): Value {
  const [keys, values] = [listOf(context, 'keys'), listOf(context, 'values')];
  if (keys.length !== values.length) throw context.invalid(`has ${keys.length} keys and ${values.length} values`);
  const table = new Map(keys.map((key, index) => [key, values[index] ?? 0] as const));
  if (context.texts('values_strings') !== undefined) {
    return labelEncoder(context.value(0), table, { to: 'string', fallback: context.text('default_string', '_Unused') });
  }
  if (context.ints('values_int64s') !== undefined) {
    return labelEncoder(context.value(0), table, { to: 'int64', fallback: context.int('default_int64', -1) });
  }
  return labelEncoder(context.value(0), table, { to: 'float32', fallback: context.float('default_float', -0) });
}

function countNgrams(context: NodeContext): Value {
  const [shortest, longest] = [context.int('min_gram_length', 1), context.int('max_gram_length', 1)];
  const mode = context.text('mode', 'TF');
  if (context.int('max_skip_count', 0) > 0 && longest > 1)
    throw context.unsupported('skips between the parts of n-grams');
  const pool: readonly (string | number)[] = context.texts('pool_strings') ?? context.ints('pool_int64s') ?? [];
  const starts = context.ints('ngram_counts') ?? [];
  const columns = context.ints('ngram_indexes') ?? [];
  const grams: (readonly (string | number)[])[] = [];
  let next = 0;
  for (let length = 1; length <= starts.length; length++) {
    const end = starts[length] ?? pool.length;
    for (let at = starts[length - 1] ?? 0; at < end; at += length) {
      if (length < shortest || length > longest) throw context.unsupported('lists n-grams that it does not count');
      grams[columns[next++] ?? 0] = pool.slice(at, at + length);
    }
  }
  if (columns.some((_, column) => grams[column] === undefined)) throw context.unsupported('leaves columns empty');
  const counts = ngramCounts(context.value(0), grams);
  if (mode === 'TF') return counts;
  const listed = context.floats('weights') ?? columns.map(() => 1);
  // Weights are listed as the n-grams are, not as the columns.
  const weights = new Array<number>(columns.length).fill(1);
  for (const [index, column] of columns.entries()) weights[column] = listed[index] ?? 1;
  const factor = constantOf('float32', [weights.length], weights);
  return mul(mode === 'IDF' ? cast(greater(counts, 0), 'float32') : counts, factor);
}
