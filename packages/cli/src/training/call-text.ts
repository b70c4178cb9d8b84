// How a trained model is called: lines that can be pasted into a shell as they are, with a held-out row in them.
import type { Cell } from '@amaas/learn/data';

export interface CallFacts {
  readonly url: string;
  readonly model: string;
  readonly row: ReadonlyMap<string, Cell>;
  /** As the user can call this program. */
  readonly command: string;
}

/** `curl` on TensorFlow Serving's path, which takes rows as they are. */
export function curlLine({ url, model, row }: CallFacts): string {
  const body = JSON.stringify({ instances: [Object.fromEntries(row)] });
  return `curl -H "Authorization: Bearer $AMAAS_API_KEY" ${url}/v1/models/${model}:predict -d ${quoted(body)}`;
}

/** The same with this program, which takes columns. */
export function predictLine({ command, model, row }: Omit<CallFacts, 'url'>): string {
  const columns = Object.fromEntries([...row].map(([name, cell]) => [name, [cell]]));
  return `${command} predict ${model} --data ${quoted(JSON.stringify(columns))}`;
}

/** A text in single quotes, as POSIX shells read it. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
