// Replies to `:classify` (per example a list of [label, score] pairs) and `:regress` (per example one number).
// Source: tensorflow/serving, tensorflow_serving/util/json_tensor.cc; apis/{classification,regression}.proto.
import { AmaasError, elementCount, formatShape, type NamedTensors, type Tensor } from '@amaas/core';
import { JsonWriter, type TensorStyle, tensorPartWriter } from '../json/index.ts';

/** Output names TensorFlow gives the results of these methods. */
const SCORES = 'scores';
const CLASSES = 'classes';
const REGRESSION = 'outputs';

const NUMBERS: TensorStyle = { layout: 'nested', wholeNumbersKeepPoint: true, nonFinite: 'bare' };

/**
 * Encodes the reply to a `:classify` call.
 * Scores are the output `scores`, else the first one of decimals, `[examples, classes]` (or `[examples]`). Labels are the
 * string output `classes` of the same shape, else `classNames` by class index, else empty.
 * @throws INVALID_ARGUMENT for outputs of another form.
 */
export function encodeClassify(outputs: NamedTensors, classNames: readonly string[] | null): Uint8Array<ArrayBuffer>[] {
  const scores = outputs.get(SCORES) ?? firstDecimals(outputs);
  if (scores === undefined || scores.dtype === 'string' || scores.shape.length < 1 || scores.shape.length > 2) {
    throw unexpectedOutput('scores', '[batch_size, classes]', scores);
  }
  const [exampleCount = 0, classCount = 1] = scores.shape;
  if (exampleCount === 0)
    throw new AmaasError('INVALID_ARGUMENT', 'Cannot convert empty ClassificationResults to JSON');
  const classes = outputs.get(CLASSES);
  if (classes !== undefined && (classes.dtype !== 'string' || classes.data.length !== exampleCount * classCount)) {
    throw unexpectedOutput('classes', `string ${formatShape(scores.shape)}`, classes);
  }
  const writer = new JsonWriter();
  const writeScore = tensorPartWriter(writer, scores, NUMBERS);
  const writeLabel =
    classes === undefined
      ? (at: number): unknown => writer.string(classNames?.[at % classCount] ?? '')
      : labelWriter(writer, classes);
  writer.raw('{"results":[');
  for (let example = 0; example < exampleCount; example++) {
    writer.raw(example === 0 ? '[' : ',[');
    for (let index = 0; index < classCount; index++) {
      const at = example * classCount + index;
      writer.raw(index === 0 ? '[' : ',[');
      writeLabel(at);
      writer.raw(',');
      writeScore(at, []);
      writer.raw(']');
    }
    writer.raw(']');
  }
  writer.raw(']}');
  return writer.takePieces();
}

/**
 * Encodes the reply to a `:regress` call: the output `outputs`, else the first one of decimals, `[examples]` or
 * `[examples, 1]`.
 * @throws INVALID_ARGUMENT for outputs of another form.
 */
export function encodeRegress(outputs: NamedTensors): Uint8Array<ArrayBuffer>[] {
  const values = outputs.get(REGRESSION) ?? firstDecimals(outputs);
  const [exampleCount] = values?.shape ?? [];
  if (
    values === undefined ||
    values.dtype === 'string' ||
    exampleCount === undefined ||
    elementCount(values.shape) !== exampleCount
  ) {
    throw unexpectedOutput('outputs', '[batch_size] or [batch_size, 1]', values);
  }
  if (exampleCount === 0) throw new AmaasError('INVALID_ARGUMENT', 'Cannot convert empty RegressionResults to JSON');
  const writer = new JsonWriter();
  writer.raw('{"results":');
  tensorPartWriter(writer, values, NUMBERS)(0, [exampleCount]);
  writer.raw('}');
  return writer.takePieces();
}

function labelWriter(writer: JsonWriter, classes: Tensor): (at: number) => void {
  const write = tensorPartWriter(writer, classes, { layout: 'nested' });
  return (at) => write(at, []);
}

function firstDecimals(outputs: NamedTensors): Tensor | undefined {
  return [...outputs.values()].find(({ dtype }) => dtype === 'float32' || dtype === 'float64' || dtype === 'float16');
}

function unexpectedOutput(name: string, expectation: string, tensor: Tensor | undefined): AmaasError {
  const got = tensor === undefined ? 'none' : `${tensor.dtype} ${formatShape(tensor.shape)}`;
  return new AmaasError('INVALID_ARGUMENT', `Expected ${name} Tensor shape to be ${expectation} but got: ${got}`);
}
