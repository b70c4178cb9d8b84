// JSON lines (or one array of objects) as a relation of text columns, each cell with its JSON type. The keys are taken
// from all rows, exactly as written.
import { AmaasError } from '@amaas/core';
import { type Connection, quotePath, quoteText } from './binding.ts';
import { type InputFile, readSample } from './files.ts';
import type { RawRelation } from './relation.ts';

/** @throws INVALID_DATA where a line is no JSON object. */
export async function createJsonRelation(connection: Connection, files: readonly InputFile[]): Promise<RawRelation> {
  const [first] = files;
  if (first === undefined) throw new AmaasError('INVALID_ARGUMENT', 'createJsonRelation: expects at least one file');
  const start = (await readSample(first)).bytes.toString('utf8').trimStart();
  const paths = files.map(({ path }) => quotePath(path)).join(', ');
  const format = start.startsWith('[') ? 'array' : 'newline_delimited';
  const objects = `read_json_objects([${paths}], format = '${format}')`;
  await refuseOthers(connection, { objects, name: first.label });
  // Keys in the order in which they first appear.
  const keys = await connection.query(`SELECT k FROM (
    SELECT unnest(ks) AS k, generate_subscripts(ks, 1) AS p, n FROM (
      SELECT json_keys(json) AS ks, row_number() OVER () AS n FROM ${objects}))
    GROUP BY k ORDER BY min(n), arg_min(p, n)`);
  const names = keys.map(([key]) => String(key));
  if (names.length === 0) {
    throw new AmaasError(
      'INVALID_DATA',
      `openTable: the objects of ${first.label} have no keys, so there are no columns`,
    );
  }
  const pointers = `[${names.map((name) => quoteText(pointerTo(name))).join(', ')}]`;
  return {
    // Both lists are read from a row in one go, whatever the number of columns.
    from: `(SELECT json_extract_string(json, ${pointers}) AS cells, json_type(json, ${pointers}) AS types FROM ${objects})`,
    columns: names.map((name, i) => ({ name, text: `cells[${i + 1}]`, cellType: `types[${i + 1}]` })),
    findings: [
      {
        severity: 'info',
        code: 'format',
        message: `${first.label}: read as ${format === 'array' ? 'a JSON array' : 'JSON lines'}; null and absent keys are missing`,
      },
    ],
  };
}

async function refuseOthers(
  connection: Connection,
  { objects, name }: { readonly objects: string; readonly name: string },
): Promise<void> {
  const [other] = await connection.query(`SELECT CAST(n AS DOUBLE), t FROM (
    SELECT row_number() OVER () AS n, json_type(json) AS t FROM ${objects}) WHERE t <> 'OBJECT' ORDER BY n LIMIT 1`);
  if (other === undefined) return;
  const [row, type] = other;
  throw new AmaasError(
    'INVALID_DATA',
    `openTable: every row of ${name} must be a JSON object such as {"age": 39}; row ${row} is ${String(type).toLowerCase()}`,
  );
}

/** RFC 6901. */
function pointerTo(key: string): string {
  return `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}
