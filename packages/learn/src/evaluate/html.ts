// Text into HTML. Names of classes, columns and models come from users and are never trusted.

const ENTITIES: ReadonlyMap<string, string> = new Map([
  ['&', '&amp;'],
  ['<', '&lt;'],
  ['>', '&gt;'],
  ['"', '&quot;'],
  ["'", '&#39;'],
]);

/** Escapes text for element content and quoted attributes; control characters, which HTML forbids, become �. */
export function escapeHtml(text: string): string {
  return text
    .replace(/[&<>"']/g, (character) => ENTITIES.get(character) ?? '')
    .replace(/(?![\t\n\r])\p{Cc}/gu, '\ufffd');
}

/** A user's text inside a sentence of ours: its writing direction cannot spread. */
export function userHtml(text: string): string {
  return `<bdi>${escapeHtml(text)}</bdi>`;
}

/** A user's text inside SVG, cut to fit; direction marks, which would reorder the line, are dropped. */
export function svgLabel(text: string, maxCharacters: number): string {
  const characters = [...text.replace(/[\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '')];
  const shown =
    characters.length > maxCharacters ? `${characters.slice(0, maxCharacters - 1).join('')}…` : characters.join('');
  return escapeHtml(shown);
}

export interface HtmlTable {
  readonly caption: string;
  /** Header cells, escaped already. */
  readonly header: readonly string[];
  /** Cells, escaped already; the first of each row names it. */
  readonly rows: readonly (readonly string[])[];
  /** Columns of text; the others are numbers and end at the right. Default: the first. */
  readonly textColumns?: readonly number[];
  /** Columns left out on phones, where another one tells the same. */
  readonly wideColumns?: readonly number[];
  /** Classes of rows, by index. */
  readonly rowClass?: (row: number) => string;
}

/** A table that scrolls sideways by itself where the screen is narrow, by keyboard too. */
export function tableHtml({
  caption,
  header,
  rows,
  textColumns = [0],
  wideColumns = [],
  rowClass = () => '',
}: HtmlTable): string {
  const kind = (column: number): string => {
    const names = [
      ...(textColumns.includes(column) ? ['text'] : []),
      ...(wideColumns.includes(column) ? ['wide'] : []),
    ];
    return names.length === 0 ? '' : ` class="${names.join(' ')}"`;
  };
  const head = header.map((cell, column) => `<th scope="col"${kind(column)}>${cell}</th>`).join('');
  const body = rows
    .map((cells, row) => {
      const name = rowClass(row);
      const inner = cells.map((cell, column) =>
        column === 0 ? `<th scope="row"${kind(0)}>${cell}</th>` : `<td${kind(column)}>${cell}</td>`,
      );
      return `<tr${name === '' ? '' : ` class="${name}"`}>${inner.join('')}</tr>`;
    })
    .join('\n');
  return `<div class="scroll" tabindex="0" role="region" aria-label="${escapeHtml(caption)}"><table>
<caption>${escapeHtml(caption)}</caption><thead><tr>${head}</tr></thead><tbody>
${body}
</tbody></table></div>`;
}

/** The values of a plot, folded below it. */
export function valuesTable(table: string): string {
  return `<details><summary>Values as a table</summary>${table}</details>`;
}
