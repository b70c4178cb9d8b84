// A served model as a judge of texts: which input takes the text, which output holds the scores, what they are scores of.
// Knows no protocol.
import { AmaasError, createTensor, type InferenceTiming, type Signature, type Tensor } from '@amaas/core';
import type { ServedVersion } from '../../dataplane/index.ts';
import type { ModelRecorder } from '../../monitoring/index.ts';

/** The scores of one text, by label. */
export type LabelScores = readonly { readonly label: string; readonly score: number }[];

export interface Judgement {
  /** Per text, in their order. */
  readonly scores: readonly LabelScores[];
  /** The longest of each kind: texts are judged side by side. */
  readonly timing: InferenceTiming;
}

type Served = ServedVersion<ModelRecorder>;

/** Texts that wait in the model's queue at once: a request of many shall not fill it. */
const TEXTS_AT_ONCE = 32;

const FLOATS: readonly string[] = ['float32', 'float64'];

/**
 * Judges texts, each as a request of its own: the model's queue joins them as it sees fit.
 * @throws UNSUPPORTED_FEATURE naming what the model lacks; what running it throws
 */
export async function judgeTexts(served: Served, texts: readonly string[], signal: AbortSignal): Promise<Judgement> {
  const labels = labelsOf(served);
  const signature = served.signature();
  const input = textInputOf(served);
  const output = scoreOutputOf(served, signature, labels.length);
  const scores: LabelScores[] = [];
  let timing: InferenceTiming = { queueMs: 0, computeMs: 0, batchRows: 0 };
  for (let from = 0; from < texts.length; from += TEXTS_AT_ONCE) {
    const results = await Promise.all(
      texts.slice(from, from + TEXTS_AT_ONCE).map((text) => {
        const data = [Buffer.from(text)];
        const inputs = new Map([[input.name, createTensor('string', input.shape, data)]]);
        return served.infer({ inputs, outputs: [output], signal });
      }),
    );
    for (const result of results) {
      scores.push(scoresOf(served, result.outputs.get(output), labels));
      timing = {
        queueMs: Math.max(timing.queueMs, result.timing.queueMs),
        computeMs: Math.max(timing.computeMs, result.timing.computeMs),
        batchRows: Math.max(timing.batchRows, result.timing.batchRows),
      };
    }
  }
  return { scores, timing };
}

function labelsOf({ name, record }: Served): readonly string[] {
  const { labels } = record.manifest;
  if (labels !== undefined && typeof labels !== 'string' && labels.length > 0) return labels;
  throw unsuitable(name, 'its manifest has no "labels"');
}

/** The one input that has to be given, and the shape that one text has there. */
function textInputOf(served: Served): { readonly name: string; readonly shape: readonly number[] } {
  const [signature] = served.textSignatures.values();
  const needed = (signature?.inputs ?? []).filter(({ optional }) => optional !== true);
  const [input, ...others] = needed;
  if (input === undefined || others.length > 0) {
    throw unsuitable(
      served.name,
      `it takes ${needed.length} inputs (${needed.map(({ name }) => name).join(', ')}), not one`,
    );
  }
  if (served.textInputs.has(input.name)) return { name: input.name, shape: [1] };
  if (input.dtype !== 'string') {
    throw unsuitable(
      served.name,
      `its input "${input.name}" takes ${input.dtype}, and its manifest declares no tokens for it`,
    );
  }
  return { name: input.name, shape: input.shape?.length === 2 ? [1, 1] : [1] };
}

function scoreOutputOf({ name }: Served, { outputs }: Signature, labels: number): string {
  const floats = outputs.filter(({ dtype }) => FLOATS.includes(dtype));
  const fitting = floats.filter(({ shape }) => shape?.at(-1) === labels);
  const [output, ...others] = fitting.length > 0 ? fitting : floats;
  if (output !== undefined && others.length === 0) return output.name;
  throw unsuitable(name, `${floats.length} of its outputs could be the scores of ${labels} labels`);
}

function scoresOf({ name }: Served, tensor: Tensor | undefined, labels: readonly string[]): LabelScores {
  if (tensor === undefined || (tensor.dtype !== 'float32' && tensor.dtype !== 'float64')) {
    throw unsuitable(name, 'its scores are no numbers');
  }
  const values = [...tensor.data];
  const [first = Number.NaN] = values;
  // One number for two labels is the probability of the second.
  const scores = values.length === 1 && labels.length === 2 ? [1 - first, first] : values;
  if (scores.length !== labels.length) {
    throw unsuitable(name, `it gives ${scores.length} scores for ${labels.length} labels`);
  }
  return scores.map((score, index) => {
    // Rounding may take a probability a little beyond its bounds.
    if (!(score >= -1e-5 && score <= 1 + 1e-5)) {
      throw unsuitable(name, `its scores are no probabilities: ${score} for "${labels[index]}"`);
    }
    return { label: labels[index] ?? '', score: Math.min(1, Math.max(0, score)) };
  });
}

function unsuitable(model: string, why: string): AmaasError {
  return new AmaasError('UNSUPPORTED_FEATURE', `model "${model}" cannot judge texts: ${why}`, { details: { model } });
}
