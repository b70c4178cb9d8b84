// The examples of a fine-tuning as tokens, kept: what is rendered on one day is not rendered anew, perhaps otherwise, on the next.
import { createTensor, type Tensor } from '@amaas/core';
import type { LearnedSequence } from '@amaas/learn/language';
import { readSafetensors, writeSafetensors } from '@amaas/learn/train';
import type { FineTuningPaths } from './folder.ts';
import { readFileOrNull, replaceFile } from '../artifacts/index.ts';

export interface FineTuningExamples {
  /** In the training file; a conversation may be several sequences. */
  readonly count: number;
  readonly training: readonly LearnedSequence[];
  readonly validation: readonly LearnedSequence[];
}

export async function keepExamples(
  paths: FineTuningPaths,
  { count, training, validation }: FineTuningExamples,
): Promise<void> {
  const tensors = new Map<string, Tensor>();
  for (const [name, sequences] of [
    ['training', training],
    ['validation', validation],
  ] as const) {
    const ids = sequences.flatMap((sequence) => [...sequence.ids]);
    const learned = sequences.flatMap((sequence) => [...sequence.learned]);
    const lengths = sequences.map((sequence) => sequence.ids.length);
    for (const [part, values] of Object.entries({ ids, learned, lengths })) {
      tensors.set(`${name}.${part}`, createTensor('int32', [values.length], Int32Array.from(values)));
    }
  }
  await replaceFile(paths.examples, writeSafetensors({ tensors, metadata: new Map([['examples', String(count)]]) }));
}

export async function loadExamples(paths: FineTuningPaths): Promise<FineTuningExamples | null> {
  const bytes = await readFileOrNull(paths.examples);
  if (bytes === null) return null;
  const { tensors, metadata } = readSafetensors(bytes);
  const sequencesNamed = (name: string): readonly LearnedSequence[] => {
    const values = (part: string): Int32Array => {
      const tensor = tensors.get(`${name}.${part}`);
      return tensor?.dtype === 'int32' ? tensor.data : new Int32Array();
    };
    const [ids, learned] = [values('ids'), values('learned')];
    let from = 0;
    return Array.from(values('lengths'), (length) => {
      const to = from + length;
      const sequence = { ids: ids.slice(from, to), learned: Uint8Array.from(learned.subarray(from, to)) };
      from = to;
      return sequence;
    });
  };
  const validation = sequencesNamed('validation');
  return { count: Number(metadata.get('examples')), training: sequencesNamed('training'), validation };
}
