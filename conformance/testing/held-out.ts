// The held-out rows that `amaas train --predictions` writes, and a served model's answers to them over every road in.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';

export interface HeldOutRow {
  readonly row: Readonly<Record<string, string | number | boolean | null>>;
  readonly target: unknown;
  readonly scores: readonly number[];
}

/** Rows of one request: as many as the evaluation ran at once, because another number may round otherwise. */
const REQUEST_ROWS = 1024;

export interface Asked {
  readonly url: string;
  readonly key: string;
  readonly model: string;
}

export async function readHeldOut(path: string): Promise<readonly HeldOutRow[]> {
  const text = await readFile(path, 'utf8');
  // As heldOutLines of learn/pipelines writes them.
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as HeldOutRow);
}

/** Fails unless the model answers every row over TensorFlow Serving's path and OIP's JSON with the very same bits. */
export async function assertSameScores(asked: Asked, rows: readonly HeldOutRow[]): Promise<void> {
  assert.ok(rows.length > 0);
  for (let start = 0; start < rows.length; start += REQUEST_ROWS) {
    const some = rows.slice(start, start + REQUEST_ROWS);
    const expected = some.map(({ scores }) => [...scores]);
    assert.deepEqual(await askRows(asked, some), expected, `rows from ${start}, as rows`);
    assert.deepEqual(await askColumns(asked, some), expected, `rows from ${start}, as tensors`);
  }
}

/** Scores by `{"instances": [{…}, …]}`. */
export async function askRows(asked: Asked, rows: readonly HeldOutRow[]): Promise<readonly (readonly number[])[]> {
  const reply = await post(asked, `/v1/models/${asked.model}:predict`, { instances: rows.map(({ row }) => row) });
  const { predictions } = JSON.parse(reply) as { readonly predictions: readonly unknown[] }; // checked below
  return predictions.map((prediction) => {
    if (typeof prediction === 'number') return [Math.fround(prediction)]; // one output goes without its name
    assert.ok(typeof prediction === 'object' && prediction !== null && 'probabilities' in prediction);
    return (prediction.probabilities as readonly number[]).map(Math.fround);
  });
}

/** Scores by `{"inputs": [{"name", "shape", "datatype", "data"}, …]}`, null where a value is missing. */
async function askColumns(asked: Asked, rows: readonly HeldOutRow[]): Promise<readonly (readonly number[])[]> {
  const metadata = await fetch(`${asked.url}/v2/models/${asked.model}`, { headers: headersOf(asked) });
  // The metadata of the protocol.
  const { inputs } = (await metadata.json()) as { readonly inputs: readonly { name: string; datatype: string }[] };
  const body = {
    inputs: inputs.map(({ name, datatype }) => ({
      name,
      datatype,
      shape: [rows.length],
      data: rows.map(({ row }) => row[name]),
    })),
  };
  const reply = await post(asked, `/v2/models/${asked.model}/infer`, body);
  const { outputs } = JSON.parse(reply) as { readonly outputs: readonly { name: string; data: readonly number[] }[] };
  const scores = outputs.find(({ name }) => name === 'probabilities' || name === 'value');
  assert.ok(scores !== undefined);
  const width = scores.data.length / rows.length;
  return rows.map((_, row) => scores.data.slice(row * width, (row + 1) * width).map(Math.fround));
}

async function post(asked: Asked, path: string, body: unknown): Promise<string> {
  const reply = await fetch(`${asked.url}${path}`, {
    method: 'POST',
    headers: headersOf(asked),
    body: JSON.stringify(body),
  });
  const text = await reply.text();
  assert.equal(reply.status, 200, text.slice(0, 500));
  return text;
}

function headersOf({ key }: Asked): Record<string, string> {
  return { authorization: `Bearer ${key}` };
}
