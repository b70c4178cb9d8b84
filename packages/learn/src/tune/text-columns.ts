// Aligned plain text for the tables of this room. Cells hold what users named and what errors say, so nothing in them
// may command the terminal.

/** Lines of cells padded to common columns; the first line says how many there are. No line ends in spaces. */
export function alignColumns(table: readonly (readonly string[])[]): readonly string[] {
  const lines = table.map((line) => line.map(printable));
  const columns = lines[0]?.length ?? 0;
  // A line with fewer cells ends in a remark, which may run over the columns after it.
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(
      ...lines.map((line) => (column === line.length - 1 && line.length < columns ? 0 : (line[column]?.length ?? 0))),
    ),
  );
  return lines.map((line) =>
    line
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

function printable(cell: string): string {
  return cell.replace(/\p{Cc}|\p{Cf}|\p{Zl}|\p{Zp}/gu, '\ufffd');
}

/** Whole numbers in full, others to so many significant digits. @param digits - default 5 */
export function formatNumber(value: number, digits = 5): string {
  return Number.isSafeInteger(value) ? String(value) : String(Number(value.toPrecision(digits)));
}
