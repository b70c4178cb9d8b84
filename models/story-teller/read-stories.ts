// The text the story-teller learns from, made readable. The file given out as a sample of TinyStories holds excerpts of four
// novels instead, printed as nested lists of hard-wrapped pieces, each of which begins with the last lines of the one before.

/** Between the pieces, where lists end and begin, and behind the last. */
const BORDER = /",\n {4}"|"\n {2}\](?:,\n(?:\.\.\.,\n)? {2}\[\n {4}"|\n\]\s*)/;
/** Lines at most that a piece repeats. */
const REPEATED_LINES = 12;
/** A line this short that ends as sentences do ends its paragraph; longer ones were wrapped. */
const SHORT_LINE = 54;

/** Pieces of running text, some 6,000 characters each, a paragraph a line, in plain quotes; none repeats another's lines. */
export function readStories(file: string): readonly string[] {
  let before: readonly string[] = [];
  return file
    .split(BORDER)
    .filter((piece) => piece !== '')
    .map((piece) => {
      const lines = piece.split('\n');
      const fresh = lines.slice(repeatedLines(before, lines));
      before = lines;
      return reflow(fresh);
    });
}

function repeatedLines(before: readonly string[], lines: readonly string[]): number {
  for (let count = REPEATED_LINES; count > 0; count--) {
    if (before.slice(-count).join('\n') === lines.slice(0, count).join('\n')) return count;
  }
  return 0;
}

function reflow(lines: readonly string[]): string {
  const text = lines
    .map((line) => `${line.trim()}${line.length < SHORT_LINE && /[.!?:—]["'”’]*$/.test(line) ? '\n' : ' '}`)
    .join('');
  return text
    .replaceAll(/[“”]/g, '"')
    .replaceAll(/[‘’`]/g, "'")
    .replaceAll('…', '...')
    .replaceAll('\u00a0', ' ')
    .trim();
}
