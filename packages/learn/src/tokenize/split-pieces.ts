// Cutting a text at the matches of a pattern: what becomes of the matches themselves is the behaviour's matter.
import { type AlignedText, sliceAligned } from './aligned-text.ts';

export const SPLIT_BEHAVIORS = ['Removed', 'Isolated', 'MergedWithPrevious', 'MergedWithNext', 'Contiguous'] as const;

export type SplitBehavior = (typeof SPLIT_BEHAVIORS)[number];

export interface SplitRule {
  /** With flag g. */
  readonly pattern: RegExp;
  readonly behavior: SplitBehavior;
  /** Whether the pattern says what to keep instead of where to cut. */
  readonly invert: boolean;
}

interface Stretch {
  readonly start: number;
  readonly end: number;
  readonly isMatch: boolean;
}

/** Appends the pieces of `text` to `pieces`; empty ones are left out. */
export function splitInto(pieces: AlignedText[], text: AlignedText, rule: SplitRule): void {
  const { behavior } = rule;
  if (behavior === 'Removed' || behavior === 'Isolated') {
    eachStretch(text.text, rule, ({ start, end, isMatch }) => {
      if (start < end && !(isMatch && behavior === 'Removed')) pieces.push(sliceAligned(text, start, end));
    });
    return;
  }
  const stretches: Stretch[] = [];
  eachStretch(text.text, rule, (stretch) => stretches.push(stretch));
  for (const { start, end } of joinStretches(stretches, behavior)) {
    if (start < end) pieces.push(sliceAligned(text, start, end));
  }
}

/** Walks over the matches and what is between them, in order. */
function eachStretch(text: string, { pattern, invert }: SplitRule, visit: (stretch: Stretch) => void): void {
  let done = 0;
  pattern.lastIndex = 0;
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    const end = match.index + match[0].length;
    if (done < match.index) visit({ start: done, end: match.index, isMatch: invert });
    visit({ start: match.index, end, isMatch: !invert });
    done = end;
    // An empty match would be found again and again.
    if (end === match.index) pattern.lastIndex = end + ((text.codePointAt(end) ?? 0) > 0xffff ? 2 : 1);
  }
  if (done < text.length) visit({ start: done, end: text.length, isMatch: invert });
}

function joinStretches(
  stretches: readonly Stretch[],
  behavior: 'MergedWithPrevious' | 'MergedWithNext' | 'Contiguous',
): readonly Stretch[] {
  const joined: Stretch[] = [];
  const ordered = behavior === 'MergedWithNext' ? [...stretches].reverse() : stretches;
  let afterMatch = false;
  for (const stretch of ordered) {
    const joins = behavior === 'Contiguous' ? stretch.isMatch === afterMatch : stretch.isMatch && !afterMatch;
    const last = joined.at(-1);
    if (joins && last !== undefined) {
      joined[joined.length - 1] = {
        start: Math.min(last.start, stretch.start),
        end: Math.max(last.end, stretch.end),
        isMatch: stretch.isMatch,
      };
    } else {
      joined.push(stretch);
    }
    afterMatch = stretch.isMatch;
  }
  return behavior === 'MergedWithNext' ? joined.reverse() : joined;
}
