// Outputs of a model as text for people: small tensors in full, scores with class names, large tensors in summary.
import { type PlainElement, type PlainNested, tensorElements, tensorToNested } from '@amaas/client';
import { formatShape, type NamedTensors, type Tensor } from '@amaas/core';

/** Tensors up to this many elements are shown whole. */
const WHOLE_ELEMENTS = 64;
/** Of scores by class, the best are shown. */
const BEST_CLASSES = 5;
/** Rows shown of what has many. */
const ROWS = 10;

/** All outputs, in their order. `labels`: class names by index, where the model has them. */
export function outputsText(outputs: NamedTensors, labels: readonly string[] | null): string {
  return [...outputs]
    .map(
      ([name, tensor]) =>
        `${name}  ${tensor.dtype} ${formatShape(tensor.shape)}\n${indent(tensorText(tensor, labels))}`,
    )
    .join('\n');
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, '  ');
}

function tensorText(tensor: Tensor, labels: readonly string[] | null): string {
  if (labels !== null && labels.length > 1) {
    if (tensor.shape.length > 0 && tensor.shape.at(-1) === labels.length && tensor.dtype.startsWith('float'))
      return scoresText(tensor, labels);
    if (tensor.dtype === 'int64' || tensor.dtype === 'int32') {
      const classes = classNames(tensor, labels);
      if (classes !== null) return classes;
    }
  }
  const elements = tensorElements(tensor);
  if (elements.length <= WHOLE_ELEMENTS) return nestedText(tensorToNested(tensor), tensor.dtype);
  const shown = elements.slice(0, ROWS).map((element) => elementText(element, tensor.dtype));
  return `${shown.join(', ')}, …\n${summaryText(elements)}`;
}

/** Best classes of every row. */
function scoresText(tensor: Tensor, labels: readonly string[]): string {
  const scores = tensorElements(tensor).map(Number);
  const rows = scores.length / labels.length;
  if (rows > ROWS) return countsText(scores, labels);
  const lines: string[] = [];
  for (let row = 0; row < rows; row++) {
    const ranked = labels
      .map((label, index) => ({ label, score: scores[row * labels.length + index] ?? Number.NaN }))
      .sort((left, right) => right.score - left.score)
      .slice(0, BEST_CLASSES);
    const texts = ranked.map(({ label, score }) => `${label} ${elementText(score, tensor.dtype)}`);
    lines.push(rows === 1 ? texts.join('\n') : texts.join(', '));
  }
  return lines.join('\n');
}

/** How many rows have which class as their best, as detectors give scores for thousands of places. */
function countsText(scores: readonly number[], labels: readonly string[]): string {
  const counts = new Map<string, number>();
  for (let start = 0; start < scores.length; start += labels.length) {
    let best = 0;
    for (let index = 1; index < labels.length; index++) {
      if ((scores[start + index] ?? 0) > (scores[start + best] ?? 0)) best = index;
    }
    const label = labels[best] ?? '';
    counts.set(label, (counts.get(label) ?? 0) + 1);
  }
  const ranked = [...counts].sort(([, left], [, right]) => right - left).slice(0, ROWS);
  return `rows by best class: ${ranked.map(([label, count]) => `${count} ${label}`).join(', ')}`;
}

/** Class indices with their names; null when the numbers are no indices of classes. */
function classNames(tensor: Tensor, labels: readonly string[]): string | null {
  const indices = tensorElements(tensor).map(Number);
  if (indices.length === 0 || !indices.every((index) => index >= 0 && index < labels.length)) return null;
  const lines = indices.slice(0, ROWS).map((index) => `${index}  ${labels[index]}`);
  if (indices.length > ROWS) lines.push(`… ${indices.length - ROWS} more`);
  return lines.join('\n');
}

function nestedText(nested: PlainNested, dtype: string): string {
  if (!Array.isArray(nested)) return elementText(nested, dtype);
  // The innermost arrays stay on a line, as people write matrices.
  const inner = nested.map((item) => nestedText(item, dtype));
  return nested.some(Array.isArray) ? `[${inner.join(',\n ')}]` : `[${inner.join(', ')}]`;
}

/** Six significant digits: more than a float32 is good for in print, and not lossy to look at. */
function elementText(element: PlainElement, dtype: string): string {
  if (typeof element === 'number')
    return dtype.startsWith('float') || dtype === 'bfloat16' ? String(Number(element.toPrecision(6))) : String(element);
  return typeof element === 'string' ? JSON.stringify(element) : String(element);
}

function summaryText(elements: readonly PlainElement[]): string {
  const numbers = elements.filter((element) => typeof element === 'number' || typeof element === 'bigint').map(Number);
  if (numbers.length !== elements.length || numbers.length === 0) return `${elements.length} elements`;
  let least = Number.POSITIVE_INFINITY;
  let greatest = Number.NEGATIVE_INFINITY;
  let sum = 0;
  for (const number of numbers) {
    least = Math.min(least, number);
    greatest = Math.max(greatest, number);
    sum += number;
  }
  const short = (value: number) => String(Number(value.toPrecision(6)));
  return `${elements.length} elements from ${short(least)} to ${short(greatest)}, mean ${short(sum / numbers.length)}`;
}
