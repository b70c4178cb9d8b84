// What a served model says about the columns it takes: what its training left in the version's lineage, else what its
// declared inputs tell. The second serves keys that may only ask, and versions that were deployed as files.
import type { AmaasClient } from '@amaas/client';
import { AmaasError, type ModelReference, type TensorSpec } from '@amaas/core';
import type { ColumnKind } from '@amaas/learn/data';
import { answeringVersion } from './answering-version.ts';

/** A column as it is read from a file. */
export interface ServedColumn {
  readonly name: string;
  readonly dtype: 'float32' | 'float64' | 'string' | 'bool';
  /** What its cells are; undefined where the file has to tell. */
  readonly kind: ColumnKind | undefined;
}

/** The columns of a model that takes a table column by column; null for any other. @throws as the server refuses */
export async function servedColumns(
  client: AmaasClient,
  reference: ModelReference,
  specs: readonly TensorSpec[],
): Promise<readonly ServedColumn[] | null> {
  const declared = columnsOfSpecs(specs);
  if (declared === null) return null;
  const described = await describedTable(client, reference);
  if (described === null) return declared.length > 1 ? declared : null; // one input alone may be anything
  const { parseTableDescription } = await import('@amaas/learn/pipelines');
  const { columns } = parseTableDescription(described);
  return columns.map(({ name, dtype, kind }) => ({ name, dtype, kind }));
}

/** What a training on a table has left about the version that answers; null for none, or a key that may not read it. */
async function describedTable(client: AmaasClient, reference: ModelReference): Promise<unknown> {
  try {
    const version = await answeringVersion(client, reference);
    if (version === null) return null;
    const { configuration } = (await client.models.getVersion(reference.model, version)).lineage;
    if (typeof configuration !== 'object' || configuration === null) return null;
    return new Map<string, unknown>(Object.entries(configuration)).get('table') ?? null;
  } catch (thrown) {
    if (thrown instanceof AmaasError && thrown.code === 'PERMISSION_DENIED') return null;
    throw thrown;
  }
}

const KINDS: ReadonlyMap<string, ColumnKind | undefined> = new Map([
  ['string', 'string'],
  ['bool', 'boolean'],
  ['float32', 'number'],
  ['float64', undefined], // numbers, and times as milliseconds since 1970
]);

/** The inputs as columns, when every one is a vector of what tables hold. */
function columnsOfSpecs(specs: readonly TensorSpec[]): readonly ServedColumn[] | null {
  const columns: ServedColumn[] = [];
  for (const { name, dtype, shape } of specs) {
    if (shape?.length !== 1 || typeof shape[0] === 'number' || !isColumnDType(dtype)) return null;
    columns.push({ name, dtype, kind: KINDS.get(dtype) });
  }
  return columns.length === 0 ? null : columns;
}

function isColumnDType(dtype: TensorSpec['dtype']): dtype is ServedColumn['dtype'] {
  return KINDS.has(dtype);
}
