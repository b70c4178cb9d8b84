// A folder for a test file's made-up files, and short ways to open and read them.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { type Cell, type ColumnKind, type DataFinding, readCell, readTable } from '@amaas/learn/data';
import { type OpenTableOptions, openTable } from '../index.ts';

export interface Scratch {
  readonly folder: string;
  /** Writes a file and gives its path. */
  write(name: string, contents: string | Uint8Array): string;
  /** Writes, opens and reads a whole file. */
  read(name: string, contents: string | Uint8Array, options?: OpenTableOptions): Promise<Contents>;
}

export interface Contents {
  readonly names: readonly string[];
  readonly kinds: readonly ColumnKind[];
  readonly rows: readonly (readonly Cell[])[];
  readonly findings: readonly DataFinding[];
  readonly digest: string | undefined;
}

/** The folder goes after the tests of the file that calls this. */
export function createScratch(): Scratch {
  const folder = mkdtempSync(join(tmpdir(), 'amaas-duckdb-test-'));
  after(() => rmSync(folder, { recursive: true }));
  const write = (name: string, contents: string | Uint8Array): string => {
    const path = join(folder, name);
    writeFileSync(path, contents);
    return path;
  };
  return { folder, write, read: (name, contents, options) => readFile(write(name, contents), options) };
}

/** Opens a path or pattern, reads everything and closes. */
export async function readFile(path: string, options: OpenTableOptions = {}): Promise<Contents> {
  const source = await openTable(path, options);
  try {
    const table = await readTable(source);
    return {
      names: source.fields.map(({ name }) => name),
      kinds: source.fields.map(({ kind }) => kind),
      rows: Array.from({ length: table.rowCount }, (_, row) => table.columns.map((column) => readCell(column, row))),
      findings: source.findings,
      digest: source.digest,
    };
  } finally {
    await source.close();
  }
}
