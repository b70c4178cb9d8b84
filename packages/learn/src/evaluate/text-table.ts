// Tables for terminals: aligned columns, and names of users that cannot command the terminal.

/** Longer names are cut. */
const MAX_NAME_WIDTH = 32;

export interface TextTable {
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Columns that hold text and start at the left; numbers end at the right. Default: the first. */
  readonly leftColumns?: readonly number[];
}

/** Lines of a table, two spaces between the columns, without trailing spaces. */
export function formatTable({ header, rows, leftColumns = [0] }: TextTable): readonly string[] {
  const all = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...all.map((cells) => textWidth(cells[column] ?? ''))));
  return all.map((cells) =>
    widths
      .map((width, column) => {
        const cell = cells[column] ?? '';
        const padding = ' '.repeat(width - textWidth(cell));
        return leftColumns.includes(column) ? cell + padding : padding + cell;
      })
      .join('  ')
      .trimEnd(),
  );
}

/** A name as a terminal may show it: no control characters (an escape sequence would be obeyed), not too long. */
export function printable(name: string, maxWidth = MAX_NAME_WIDTH): string {
  const clean = name.replace(/\p{Cc}|\p{Cf}|\p{Zl}|\p{Zp}/gu, '\ufffd');
  if (textWidth(clean) <= maxWidth) return clean;
  let kept = '';
  for (const character of clean) {
    if (textWidth(kept + character) > maxWidth - 1) break;
    kept += character;
  }
  return `${kept}…`;
}

const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u;

/** Columns a text takes in a terminal. */
export function textWidth(text: string): number {
  let width = 0;
  for (const character of text) {
    if (/\p{Mn}/u.test(character)) continue;
    width += WIDE.test(character) ? 2 : 1;
  }
  return width;
}
