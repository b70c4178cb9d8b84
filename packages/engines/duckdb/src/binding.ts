// The only file that touches @duckdb/node-api. It narrows the library to what reading tables needs and locks the
// database in: no extensions, no network, no files but the ones named. The version is pinned in package.json.
import { AmaasError } from '@amaas/core';

export interface DatabaseSettings {
  /** What DuckDB may hold at once; beyond it, it writes to `temporaryFolder` or gives up. */
  readonly memoryLimitBytes: number;
  readonly threads: number;
  readonly temporaryFolder: string;
  /** Absolute paths; everything else on disk and every address is refused. */
  readonly readablePaths: readonly string[];
}

export interface Database {
  connect(): Promise<Connection>;
  close(): void;
}

/** One batch of a streamed result, as large as DuckDB likes (about 2,048 rows). */
export interface Chunk {
  readonly rowCount: number;
  /** The cells of a column: numbers, booleans, strings or null. */
  column(index: number): { getItem(row: number): unknown };
}

export interface Connection {
  /** The whole result; for small ones. Select numbers as DOUBLE: wider integers come as bigint. */
  query(sql: string): Promise<readonly (readonly unknown[])[]>;
  /** Next to nothing is computed before the first chunk is asked for. */
  stream(sql: string): Promise<ChunkStream>;
  /** Makes a running query fail soon. */
  interrupt(): void;
  close(): void;
}

export interface ChunkStream {
  /** Undefined at the end. */
  next(): Promise<Chunk | undefined>;
}

/**
 * Opens a database in memory.
 * @throws ENGINE_MISSING when the package or its library for this platform is not installed.
 */
export async function openDatabase(settings: DatabaseSettings): Promise<Database> {
  const { DuckDBInstance } = await loadApi();
  const instance = await DuckDBInstance.create(':memory:', {
    memory_limit: `${Math.ceil(settings.memoryLimitBytes / 2 ** 20)}MiB`,
    threads: String(settings.threads),
    temp_directory: settings.temporaryFolder,
    preserve_insertion_order: 'true',
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  });
  const setup = await instance.connect();
  await setup.run("SET TimeZone = 'UTC'");
  // A path with a pattern's characters is looked up in its escaped form first.
  const paths = settings.readablePaths.flatMap((path) => [path, escapePattern(path)]);
  await setup.run(`SET allowed_paths = [${paths.map(quoteText).join(', ')}]`);
  // This optimizer turns long IN lists into joins, and joins do not keep the order of rows.
  await setup.run("SET disabled_optimizers = 'in_clause'");
  await setup.run('SET enable_external_access = false');
  await setup.run('SET lock_configuration = true');
  setup.closeSync();
  return {
    async connect() {
      const connection = await instance.connect();
      return {
        async query(sql) {
          const reader = await connection.runAndReadAll(sql);
          return reader.getRows();
        },
        async stream(sql) {
          const result = await connection.stream(sql);
          return {
            async next() {
              const chunk = await result.fetchChunk();
              if (chunk === null || chunk.rowCount === 0) return undefined;
              return { rowCount: chunk.rowCount, column: (index) => chunk.getColumnVector(index) };
            },
          };
        },
        interrupt: () => connection.interrupt(),
        close: () => connection.closeSync(),
      };
    },
    close: () => instance.closeSync(),
  };
}

async function loadApi(): Promise<typeof import('@duckdb/node-api')> {
  try {
    return await import('@duckdb/node-api');
  } catch (cause) {
    const why = cause instanceof Error ? cause.message.split(/\n| imported from /, 1)[0] : String(cause);
    throw new AmaasError(
      'ENGINE_MISSING',
      `DuckDB cannot be loaded on ${process.platform}-${process.arch}: ${why}. ` +
        'Install it with: npm install @duckdb/node-api',
      { cause },
    );
  }
}

/**
 * Text as an SQL literal. In DuckDB nothing but the quote itself is special between single quotes.
 * @throws INVALID_ARGUMENT on a NUL character, which would end the statement early.
 */
export function quoteText(text: string): string {
  if (text.includes('\0')) throw new AmaasError('INVALID_ARGUMENT', 'DuckDB: text must not hold a NUL character');
  return `'${text.replaceAll("'", "''")}'`;
}

/** A column name as an SQL identifier. @throws INVALID_ARGUMENT on a NUL character. */
export function quoteName(name: string): string {
  if (name.includes('\0')) throw new AmaasError('INVALID_ARGUMENT', 'DuckDB: a name must not hold a NUL character');
  return `"${name.replaceAll('"', '""')}"`;
}

/** A file's path as an SQL literal that stands for this file alone, whatever characters it has. */
export function quotePath(path: string): string {
  return quoteText(escapePattern(path));
}

function escapePattern(path: string): string {
  return path.replace(/[*?[]/g, (char) => `[${char}]`);
}
