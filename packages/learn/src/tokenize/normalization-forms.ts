// Unicode's normalization forms with alignment: which character of the text each character of the result came from.
// JavaScript normalises; what is done here is only to find out what became of what. Where several characters become
// one, it stands for the first of them; what a character falls into stands for that character.
import { AlignedBuilder, type AlignedText } from './aligned-text.ts';

export type NormalizationForm = 'NFC' | 'NFD' | 'NFKC' | 'NFKD';

/** No character of ASCII changes what stands before it, so that texts may be cut in front of each of these. */
const SEGMENT = /\p{ASCII}?\P{ASCII}*/gu;

interface Step {
  readonly character: string;
  /** 0: takes the place of the next character; 1: comes in addition; −n: takes the place of the next and n more. */
  readonly change: number;
}

/** The text in a normalization form. */
export function normalizeAligned(aligned: AlignedText, form: NormalizationForm): AlignedText {
  const { text } = aligned;
  if (text.normalize(form) === text) return aligned;
  const builder = new AlignedBuilder(aligned);
  for (const { 0: segment, index } of text.matchAll(SEGMENT)) {
    if (segment.normalize(form) === segment) builder.copy(index, index + segment.length);
    else appendSegment(builder, { segment, offset: index, form });
  }
  return builder.build();
}

function appendSegment(
  builder: AlignedBuilder,
  { segment, offset, form }: { readonly segment: string; readonly offset: number; readonly form: NormalizationForm },
): void {
  const lengths = Array.from(segment, (character) => character.length);
  let next = 0; // index of the next character of the segment, and its position in the whole text
  let position = offset;
  let previous = offset;
  for (const { character, change } of formSteps(segment, form)) {
    if (change > 0) {
      builder.insert(character, previous, position);
      continue;
    }
    const end = position + (lengths[next] ?? 0);
    builder.insert(character, position, end);
    for (let taken = 0; taken <= -change; taken++) {
      previous = position;
      position += lengths[next] ?? 0;
      next++;
    }
  }
}

function formSteps(segment: string, form: NormalizationForm): readonly Step[] {
  const compatible = form === 'NFKC' || form === 'NFKD';
  const decomposition = compatible ? 'NFKD' : 'NFD';
  const unordered: Step[] = [];
  for (const character of segment) {
    let change = 0;
    for (const part of character.normalize(decomposition)) {
      unordered.push({ character: part, change });
      change = 1;
    }
  }
  const ordered = takeInOrder(
    unordered,
    Array.from(segment.normalize(decomposition), (part) => [part]),
  );
  const decomposed = ordered.map((steps) => steps[0] ?? { character: '', change: 0 });
  if (form === decomposition) return decomposed;
  const composed = Array.from(segment.normalize(form));
  const parts = takeInOrder(
    decomposed,
    composed.map((character) => Array.from(character.normalize('NFD'))),
  );
  return composed.map((character, index) => {
    const taken = parts[index] ?? [];
    return { character, change: taken.reduce((sum, { change }) => sum + change, 1 - taken.length) };
  });
}

/** For each wanted list of characters, the first steps of these characters that nobody took yet. */
function takeInOrder(steps: readonly Step[], wanted: readonly (readonly string[])[]): readonly (readonly Step[])[] {
  const waiting = new Map<string, { readonly steps: Step[]; taken: number }>();
  for (const step of steps) {
    const queue = waiting.get(step.character);
    if (queue === undefined) waiting.set(step.character, { steps: [step], taken: 0 });
    else queue.steps.push(step);
  }
  return wanted.map((characters) =>
    characters.flatMap((character) => {
      const queue = waiting.get(character);
      const step = queue?.steps[queue.taken];
      if (queue !== undefined) queue.taken++;
      return step === undefined ? [] : [step];
    }),
  );
}
