// How sacreBLEU cuts a line into words before BLEU counts them. Scores are comparable only under the same cut, so these
// follow sacreBLEU 2.6 to the character, whitespace as Python sees it included.
// Source: mteval-v13a.pl and mteval-v14.pl of NIST and Moses as sacreBLEU applies them (Post 2018).

/** How a line is cut: `13a` for languages written with spaces, `intl` by Unicode's punctuation, `char` for the others, `none` at spaces alone. */
export type BleuTokenizer = '13a' | 'intl' | 'char' | 'none';

/** The words of a line. */
export function tokenizeForBleu(line: string, tokenizer: BleuTokenizer): readonly string[] {
  const text = line.slice(0, endOfText(line));
  switch (tokenizer) {
    case '13a':
      return splitAtWhitespace(separate13a(text));
    case 'intl':
      return splitAtWhitespace(
        text
          .replace(/(\P{N})(\p{P})/gu, '$1 $2 ')
          .replace(/(\p{P})(\P{N})/gu, ' $1 $2')
          .replace(/\p{S}/gu, ' $& '),
      );
    case 'char':
      return splitAtWhitespace(Array.from(text).join(' '));
    case 'none':
      return splitAtWhitespace(text);
    default:
      return tokenizer satisfies never;
  }
}

/** Puts spaces round ASCII punctuation; points, commas and dashes between digits stay where they are. */
function separate13a(text: string): string {
  const plain = text
    .replaceAll('<skipped>', '')
    .replaceAll('-\n', '')
    .replaceAll('\n', ' ')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>');
  return ` ${plain} `
    .replace(/[{-~[-` -&(-+:-@/]/g, ' $& ')
    .replace(/([^0-9])([.,])/gu, '$1 $2 ')
    .replace(/([.,])([^0-9])/gu, ' $1 $2')
    .replace(/([0-9])(-)/g, '$1 $2 ');
}

/** Pieces between runs of whitespace, none of them empty. */
export function splitAtWhitespace(text: string): readonly string[] {
  const words: string[] = [];
  let start = 0;
  for (let i = 0; i <= text.length; i++) {
    if (i < text.length && !isWhitespace(text.charCodeAt(i))) continue;
    if (i > start) words.push(text.slice(start, i));
    start = i + 1;
  }
  return words;
}

/** The text without the whitespace round it. */
export function trimWhitespace(text: string): string {
  const end = endOfText(text);
  let start = 0;
  while (start < end && isWhitespace(text.charCodeAt(start))) start++;
  return text.slice(start, end);
}

function endOfText(text: string): number {
  let end = text.length;
  while (end > 0 && isWhitespace(text.charCodeAt(end - 1))) end--;
  return end;
}

/** Python's notion, not JavaScript's: four separators and U+0085 more, the byte order mark less. All in the first plane. */
function isWhitespace(code: number): boolean {
  if (code < 0x80) return code === 0x20 || (code >= 0x09 && code <= 0x0d) || (code >= 0x1c && code <= 0x1f);
  return (
    code === 0x85 ||
    code === 0xa0 ||
    code === 0x1680 ||
    (code >= 0x2000 && code <= 0x200a) ||
    code === 0x2028 ||
    code === 0x2029 ||
    code === 0x202f ||
    code === 0x205f ||
    code === 0x3000
  );
}
