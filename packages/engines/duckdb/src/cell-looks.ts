// What a single cell of text looks like; used on samples to find headers, never to convert values.

/** Whether text is a decimal number with this decimal sign. */
export function looksLikeNumber(cell: string, decimal: '.' | ','): boolean {
  const text = decimal === ',' ? (cell.includes('.') ? '' : cell.replace(',', '.')) : cell;
  return /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text);
}

/** Whether text starts as an ISO 8601 date. */
export function looksLikeDate(cell: string): boolean {
  return /^\d{4}-\d{2}-\d{2}([T ]|$)/.test(cell);
}
