// Whether the input of a batch can be run: every line a request of the one kind that was ordered, with an id of its own.
import {
  type BatchEndpoint,
  type BatchLine,
  type BatchProblem,
  isLineProblem,
  type LineProblem,
  readBatchLine,
} from '@amaas/protocols/openai-files';
import { LineIndex, scanLines } from './input-lines.ts';

/** As OpenAI has them; ids of so many lines fit into memory. */
export const MOST_LINES = 50_000;
export const MOST_INPUT_BYTES = 200 * 1000 * 1000;

/** A file that is wrong throughout is told so by its first lines. */
const MOST_PROBLEMS = 100;

export interface CheckedInput {
  readonly index: LineIndex;
  readonly problems: readonly BatchProblem[];
  /** The one model of all requests; null where they name none. */
  readonly model: string | null;
}

export interface InputSubject {
  readonly path: string;
  readonly sizeBytes: number;
  readonly endpoint: BatchEndpoint;
  readonly maxLineBytes: number;
}

/** Reads the whole file. */
export async function checkInput({ path, sizeBytes, endpoint, maxLineBytes }: InputSubject): Promise<CheckedInput> {
  const index = new LineIndex();
  const problems: BatchProblem[] = [];
  const refuse = (line: number | null, { code, message, param }: LineProblem): void => {
    problems.push({ code, message, line, param });
  };
  if (sizeBytes > MOST_INPUT_BYTES) {
    const message = `The input file has ${sizeBytes} bytes; at most ${MOST_INPUT_BYTES} are allowed.`;
    refuse(null, { code: 'file_too_large', message, param: 'input_file_id' });
    return { index, problems, model: null };
  }
  const ids = new Set<string>();
  let model: string | null | undefined;
  for await (const line of scanLines(path, maxLineBytes)) {
    if (problems.length >= MOST_PROBLEMS) break;
    if ('isOverlong' in line) {
      const message = `This line has more than ${maxLineBytes} bytes.`;
      refuse(line.number, { code: 'line_too_long', message, param: null });
      continue;
    }
    if (index.length === MOST_LINES) {
      const message = `The input file has more than ${MOST_LINES} requests.`;
      refuse(null, { code: 'too_many_tasks', message, param: 'input_file_id' });
      break;
    }
    index.add(line);
    const request = readBatchLine(line.text ?? '');
    const problem = isLineProblem(request) ? request : problemOf(request, { endpoint, ids, model });
    if (problem !== null) refuse(line.number, problem);
    if (isLineProblem(request)) continue;
    ids.add(request.customId);
    if (model === undefined) model = request.model;
  }
  if (index.length === 0 && problems.length === 0) {
    refuse(null, { code: 'empty_file', message: 'The input file has no requests.', param: 'input_file_id' });
  }
  return { index, problems, model: model ?? null };
}

function problemOf(
  { url, customId, model }: BatchLine,
  known: {
    readonly endpoint: BatchEndpoint;
    readonly ids: ReadonlySet<string>;
    readonly model: string | null | undefined;
  },
): LineProblem | null {
  if (url !== known.endpoint) {
    const message = `url is ${JSON.stringify(url.slice(0, 100))}; this batch is for ${known.endpoint}.`;
    return { code: 'invalid_url', message, param: 'url' };
  }
  if (known.ids.has(customId)) {
    const shown = JSON.stringify(customId.slice(0, 100));
    return { code: 'duplicate_custom_id', message: `custom_id ${shown} has been used before.`, param: 'custom_id' };
  }
  if (model === null && known.endpoint !== '/v1/moderations') {
    return { code: 'missing_required_parameter', message: 'body.model must be a string.', param: 'body.model' };
  }
  if (known.model !== undefined && model !== known.model) {
    const message = `All requests of a batch name one model, ${JSON.stringify(known.model)} here.`;
    return { code: 'mismatched_model', message, param: 'body.model' };
  }
  return null;
}

/** Where the requests of a file lie that has been checked before. */
export async function indexInput(path: string, maxLineBytes: number): Promise<LineIndex> {
  const index = new LineIndex();
  for await (const line of scanLines(path, maxLineBytes)) if (!('isOverlong' in line)) index.add(line);
  return index;
}
