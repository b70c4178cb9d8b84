// Reads the tokenization tests of llama.cpp: texts in one file, with a line between that no text has, and the expected
// ids of each in a line of the other.
import { readFileSync } from 'node:fs';

export interface AwkwardText {
  readonly text: string;
  readonly ids: readonly number[];
}

export function readAwkwardTexts(vocabularyPath: string): readonly AwkwardText[] {
  const lines = readFileSync(`${vocabularyPath}.out`, 'utf8').split('\n');
  const texts = readFileSync(`${vocabularyPath}.inp`, 'utf8').split('\n__ggml_vocab_test__\n').slice(0, -1);
  return texts.map((text, index) => ({
    text,
    ids: (lines[index] ?? '')
      .split(' ')
      .filter((id) => id !== '')
      .map(Number),
  }));
}
