// How readily a recogniser of speech writes nothing. Where a letter may stand at this step or the next, both find the blank
// likelier, and the letter is lost in greedy text; so the blank is made as much less likely as suits recordings of training,
// changed as none was in the training itself.
import { AmaasError, type Executor } from '@amaas/core';
import { decodeCtcGreedy } from '../decode/index.ts';
import { computeErrorRate } from '../evaluate/index.ts';
import { speechSteps } from '../layers/index.ts';
import { rowNumbers, selectExamples, type TrainedModel } from '../train/index.ts';
import { type SpeechExample, type SpeechRows, speechRows } from './speech-examples.ts';
import { SPEECH_BLANK, spellLabels } from './speech-symbols.ts';

/** What may be taken off the blank's logit. */
const PENALTIES: readonly number[] = Array.from({ length: 13 }, (_, at) => at * 0.25);
/** Examples looked at: their mean is good enough. */
const MOST_EXAMPLES = 512;

/** What is best taken off the blank's logit, by the character error rate; of equally good ones the middle. */
export async function chooseBlankPenalty(
  model: TrainedModel,
  given: readonly SpeechExample[],
  { rows, executor }: { readonly rows: SpeechRows; readonly executor: Executor },
): Promise<number> {
  const examples = given.slice(0, MOST_EXAMPLES);
  const { inputs } = selectExamples(speechRows(examples, rows), rowNumbers(examples.length));
  const logits = await model.predict(executor, inputs);
  if (logits.dtype !== 'float32') throw new AmaasError('INTERNAL', `speech: logits came as ${logits.dtype}`);
  const [, steps = 1, classes = 1] = logits.shape;
  const references = examples.map(({ text }) => text);
  const rates = PENALTIES.map((penalty) => {
    const hypotheses = examples.map(({ picture }, row) => {
      const start = row * steps * classes;
      const own = logits.data.slice(start, start + speechSteps(picture.frames, rows.timeStride) * classes);
      for (let at = SPEECH_BLANK; at < own.length; at += classes) own[at] = (own[at] ?? 0) - penalty;
      return spellLabels(rows.symbols, decodeCtcGreedy(own, { classes, blank: SPEECH_BLANK }).labels);
    });
    return computeErrorRate({ hypotheses, references }, 'character').rate;
  });
  const least = Math.min(...rates);
  const best = PENALTIES.filter((_, at) => rates[at] === least);
  return best[Math.floor((best.length - 1) / 2)] ?? 0;
}
