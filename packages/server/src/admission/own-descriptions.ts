// What a model that amaas trained says about itself in its file: the columns it takes, its classes, how files are
// prepared. Kept in the lineage where the training of a version leaves it too, so that a model deployed as a file can be
// evaluated by its served name. Whoever uses a description checks it; here it is only found.
import type { OnnxModel } from '@amaas/learn/onnx';

/** Kinds of descriptions, by their key among the metadata: `amaas.table` is of format `amaas-table-1`. */
const KINDS = ['table', 'media', 'speech'] as const;
/** A table of a thousand columns has 100 KB; what is larger is left in the file. */
const MAX_CHARACTERS = 1024 * 1024;

/** The descriptions by kind; what is none of ours is left out. */
export function findDescriptions({ metadata = [] }: Pick<OnnxModel, 'metadata'>): Readonly<Record<string, unknown>> {
  const found = KINDS.flatMap((kind) => {
    const text = metadata.find(({ key }) => key === `amaas.${kind}`)?.value;
    const description = text === undefined || text.length > MAX_CHARACTERS ? null : parse(text);
    return description?.['format'] === `amaas-${kind}-1` ? [[kind, description] as const] : [];
  });
  return Object.fromEntries(found);
}

function parse(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
    return value as Readonly<Record<string, unknown>>; // an object of parsed JSON that is neither null nor a list
  } catch {
    return null;
  }
}
