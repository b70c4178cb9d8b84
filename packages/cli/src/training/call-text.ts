// How a trained model is called: lines that can be pasted into a shell as they are, with a held-out row in them.
import type { Cell } from '@amaas/learn/data';

export interface CallFacts {
  readonly url: string;
  /** Its name, or name@version. */
  readonly model: string;
  readonly row: ReadonlyMap<string, Cell>;
  /** As the user can call this program. */
  readonly command: string;
}

/** `curl` on TensorFlow Serving's path, which takes rows as they are. */
export function curlLine({ url, model, row }: CallFacts): string {
  const body = JSON.stringify({ instances: [Object.fromEntries(row)] });
  return `curl -H "Authorization: Bearer $AMAAS_API_KEY" ${url}/v1/models/${pathOf(model)}:predict -d ${quoted(body)}`;
}

/** The same with this program, which takes columns. */
export function predictLine({ command, model, row }: Omit<CallFacts, 'url'>): string {
  const columns = Object.fromEntries([...row].map(([name, cell]) => [name, [cell]]));
  return `${command} predict ${model} --data ${quoted(JSON.stringify(columns))}`;
}

export interface FileCallFacts {
  readonly url: string;
  /** Its name, or name@version. */
  readonly model: string;
  /** As seen from where the user is. */
  readonly file: string;
  readonly command: string;
}

/** `curl` that sends a picture as it is. */
export function curlPictureLine({ url, model, file }: FileCallFacts): string {
  const ending = file.slice(file.lastIndexOf('.') + 1).toLowerCase();
  const type = PICTURE_TYPES.get(ending) ?? ending;
  const header = `-H "Authorization: Bearer $AMAAS_API_KEY" -H "Content-Type: image/${type}"`;
  return `curl ${header} --data-binary ${word(`@${file}`)} ${url}/v2/models/${pathOf(model)}/infer`;
}

/** The same with this program. */
export function predictPictureLine({ command, model, file }: Omit<FileCallFacts, 'url'>): string {
  return `${command} predict ${model} --image ${word(file)}`;
}

/** `curl` that sends a request of the Open Inference Protocol from a file. */
export function curlRequestLine({ url, model, file }: FileCallFacts): string {
  return `curl -H "Authorization: Bearer $AMAAS_API_KEY" ${url}/v2/models/${pathOf(model)}/infer -d ${word(`@${file}`)}`;
}

/** The same with this program. */
export function predictRequestLine({ command, model, file }: Omit<FileCallFacts, 'url'>): string {
  return `${command} predict ${model} ${word(`@${file}`)}`;
}

/** This program with a text, of whose answer one output is shown. */
export function predictTextLine({
  command,
  model,
  text,
  output,
}: Omit<FileCallFacts, 'url' | 'file'> & { readonly text: string; readonly output: string }): string {
  return `${command} predict ${model} --text ${quoted(text)} --output ${word(output)}`;
}

const PICTURE_TYPES: ReadonlyMap<string, string> = new Map([
  ['jpg', 'jpeg'],
  ['tif', 'tiff'],
]);

/** `digits/versions/2` of `digits@2`, in both protocols. */
function pathOf(model: string): string {
  return model.replace('@', '/versions/');
}

/** A word as it is where every shell reads it so, else in quotes. */
function word(text: string): string {
  return /^[\w@./:+,-]+$/.test(text) ? text : quoted(text);
}

/** A text in single quotes, as POSIX shells read it. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
