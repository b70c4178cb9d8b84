// Spans in tagged sequences: which tags begin, continue and end one, under the schemes in use.
// Source: the strict and default modes of seqeval (Nakayama 2018); the default one is that of CoNLL's conlleval.
import { AmaasError } from '@amaas/core';

/**
 * How tags write spans. `IOB1`: I-, with B- only right after a span of the same type; `IOB2`: B- then I-; `IOBES`: S- alone
 * or B- … E-. These count nothing that breaks the scheme. `lenient` reads any of them and repairs what is broken: an I-
 * without beginning begins a span, a change of type ends one.
 */
export type TagScheme = 'IOB1' | 'IOB2' | 'IOBES' | 'lenient';

export interface Span {
  /** What follows the hyphen; empty for tags without a type. */
  readonly type: string;
  /** First position. */
  readonly start: number;
  /** One beyond the last position. */
  readonly end: number;
}

type Prefix = 'O' | 'B' | 'I' | 'E' | 'S';

interface Tag {
  readonly prefix: Prefix;
  readonly type: string;
}

const OUTSIDE: Tag = { prefix: 'O', type: '' };

const PREFIXES: Readonly<Record<TagScheme, readonly Prefix[]>> = {
  IOB1: ['I', 'O', 'B'],
  IOB2: ['I', 'O', 'B'],
  IOBES: ['I', 'O', 'B', 'E', 'S'],
  lenient: ['I', 'O', 'B', 'E', 'S'],
};

/**
 * The spans of one sequence, in order.
 * @param tags - `O`, or a prefix of the scheme alone or followed by a hyphen and a type: `B-PER`
 * @throws INVALID_DATA on a tag that the scheme does not have.
 */
export function extractSpans(tags: readonly string[], scheme: TagScheme): readonly Span[] {
  const parsed = tags.map((tag, position) => parseTag(tag, { scheme, position }));
  const spans: Span[] = [];
  let previous = OUTSIDE;
  for (let i = 0; i < parsed.length; ) {
    const first = parsed[i] ?? OUTSIDE;
    let end = i + 1;
    if (begins(previous, first, scheme)) {
      while (end < parsed.length && continues(parsed[end - 1] ?? OUTSIDE, parsed[end] ?? OUTSIDE, scheme)) end++;
      if (mayEnd(parsed[end - 1] ?? OUTSIDE, parsed[end] ?? OUTSIDE, scheme)) {
        spans.push({ type: first.type, start: i, end });
      }
    }
    i = end;
    previous = parsed[end - 1] ?? OUTSIDE;
  }
  return spans;
}

function parseTag(tag: string, { scheme, position }: { scheme: TagScheme; position: number }): Tag {
  const prefix = PREFIXES[scheme].find((candidate) => tag.startsWith(candidate));
  if (prefix === 'O' && tag === 'O') return OUTSIDE;
  if (prefix === undefined || prefix === 'O' || (tag.length > 1 && tag[1] !== '-')) {
    throw new AmaasError(
      'INVALID_DATA',
      `spans: tag ${JSON.stringify(tag)} at position ${position} is none of ${scheme}: expected "O" or ${PREFIXES[
        scheme
      ]
        .filter((allowed) => allowed !== 'O')
        .map((allowed) => `"${allowed}-type"`)
        .join(', ')}`,
    );
  }
  return { prefix, type: tag.slice(2) };
}

/** Whether `tag` begins a span when it does not continue the one before. */
function begins(previous: Tag, tag: Tag, scheme: TagScheme): boolean {
  switch (scheme) {
    case 'IOB1':
      // An I- that continues nothing; a B- only has a meaning between two spans of one type.
      if (tag.prefix === 'I') return previous.prefix !== 'I' || previous.type !== tag.type;
      return tag.prefix === 'B' && previous.prefix !== 'O' && previous.type === tag.type;
    case 'IOB2':
      return tag.prefix === 'B';
    case 'IOBES':
      return tag.prefix === 'B' || tag.prefix === 'S';
    case 'lenient':
      return tag.prefix !== 'O';
    default:
      return scheme satisfies never;
  }
}

/** Whether `tag` goes on with the span that `previous` is in. */
function continues(previous: Tag, tag: Tag, scheme: TagScheme): boolean {
  if (previous.type !== tag.type || tag.prefix === 'O') return false;
  if (scheme === 'lenient') {
    const endsBefore = previous.prefix === 'E' || previous.prefix === 'S';
    return !endsBefore && tag.prefix !== 'B' && tag.prefix !== 'S';
  }
  const inside = tag.prefix === 'I' || tag.prefix === 'E';
  return inside && (previous.prefix === 'B' || previous.prefix === 'I');
}

/** Whether a span that stops at `last` is whole when `next` follows. */
function mayEnd(last: Tag, next: Tag, scheme: TagScheme): boolean {
  if (scheme === 'IOBES') return last.prefix === 'E' || last.prefix === 'S';
  // seqeval drops a span of one B- where a B- of another type follows, which IOB1 does not have.
  if (scheme === 'IOB1') return !(last.prefix === 'B' && next.prefix === 'B' && last.type !== next.type);
  return true;
}
