// What a training of a table leaves behind, as files: the model with what belongs beside it, and its report.
import { readCell, requireColumn } from '../data/index.ts';
import { renderReportPage } from '../evaluate/index.ts';
import { inferRequest, rawRow } from './raw-rows.ts';
import type { TrainedTable } from './train-table.ts';

/** Contents by file name: `model.onnx`, `amaas.json`, `example.json`, `report.json`, `report.html`. */
export function trainedTableFiles(trained: TrainedTable): ReadonlyMap<string, Uint8Array> {
  const { description, test, report } = trained;
  const encoder = new TextEncoder();
  const json = (value: unknown): Uint8Array => encoder.encode(`${JSON.stringify(value, null, 2)}\n`);
  return new Map([
    ['model.onnx', trained.onnx],
    ['amaas.json', json({ ...trained.manifest, example: EXAMPLE_FILE })],
    [EXAMPLE_FILE, json(inferRequest(description, [rawRow(description, test.table, 0)]))],
    ['report.json', json(report)],
    ['report.html', encoder.encode(renderReportPage(report))],
  ]);
}

/** A held-out row as a request: what the server tries the model with, and users can start from. */
const EXAMPLE_FILE = 'example.json';

/**
 * The held-out rows as JSON lines: `{"row": …, "target": …, "scores": […]}`, the row as callers write it, the target as it
 * stood in the data, the scores to the last bit (float32 as decimals).
 */
export function heldOutLines({ description, test: { table, scores } }: TrainedTable): Uint8Array {
  const target = requireColumn(table, description.target.column);
  const width = scores.length / table.rowCount;
  const lines = Array.from({ length: table.rowCount }, (_, row) => {
    const own = scores.subarray(row * width, (row + 1) * width);
    const cells = Object.fromEntries(rawRow(description, table, row));
    return `${JSON.stringify({ row: cells, target: readCell(target, row), scores: [...own] })}\n`;
  });
  return new TextEncoder().encode(lines.join(''));
}
