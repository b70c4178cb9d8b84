// Calls that bring or want something else than the model itself takes and gives: pictures and texts before it, texts
// after. Knows what is to be done from the manifest; doing it is the ports' business.
import { AmaasError, formatShape, type ImagePreprocess, type Manifest } from '@amaas/core';
import { type NamedTensors, type Signature, type Tensor, TYPED_ARRAYS } from '@amaas/core';
import type { ScheduledResult } from '../scheduler/index.ts';
import type { CallRequest, InputPreparer, RequestPart, TextSteps } from './ports.ts';

export interface SteppedCallsParts {
  readonly model: string;
  readonly manifest: Manifest;
  readonly preparer: InputPreparer;
  readonly texts: TextSteps | null;
}

/** Parts of one request that wait in the model's queue at once: a request of many lengths shall not fill it. */
const PARTS_AT_ONCE = 8;
const NONE: ReadonlySet<string> = new Set();

type Submit = (request: CallRequest) => Promise<ScheduledResult>;

export class SteppedCalls {
  readonly pictureInputs: ReadonlySet<string>;
  readonly textInputs: ReadonlySet<string>;
  readonly #parts: SteppedCallsParts;
  readonly #pictures: ReadonlyMap<string, ImagePreprocess>;
  readonly #textOutputs: ReadonlySet<string>;

  constructor(parts: SteppedCallsParts) {
    this.#parts = parts;
    this.#pictures = new Map(
      Object.entries(parts.manifest.preprocess ?? {}).flatMap(([name, declared]) =>
        declared.kind === 'image' ? [[name, declared]] : [],
      ),
    );
    this.pictureInputs = new Set(this.#pictures.keys());
    this.textInputs = parts.texts?.inputs ?? NONE;
    this.#textOutputs = parts.texts?.outputs ?? NONE;
  }

  /** Whether a request needs any of it; this is on the path of every inference. */
  concern(signature: Signature, request: CallRequest): boolean {
    if (this.#textOutputs.size > 0) return true;
    return isSent(this.pictureInputs, signature, request.inputs) || isSent(this.textInputs, signature, request.inputs);
  }

  /**
   * Does what is declared around `submit`.
   * @throws DEADLINE_EXCEEDED when the steps before took the time that the request may wait, INPUT_MISMATCH when texts of
   *   different lengths cannot be answered together, and what the ports and `submit` throw.
   */
  async answer(request: CallRequest, signature: Signature, submit: Submit): Promise<ScheduledResult> {
    const { model, texts } = this.#parts;
    const releases: (() => void)[] = [];
    const signal = request.signal === undefined ? {} : { signal: request.signal };
    let { inputs } = request;
    let elapsedMs = 0;
    const done: string[] = [];
    try {
      if (isSent(this.pictureInputs, signature, inputs)) {
        const specs = signature.inputs;
        const request = { model, specs, preprocess: this.#pictures, inputs, ...signal };
        const prepared = await this.#parts.preparer.prepare(request);
        releases.push(prepared.release);
        ({ inputs } = prepared);
        elapsedMs += prepared.elapsedMs;
        done.push('pictures');
      }
      let parts: readonly RequestPart[] = [{ inputs, rows: null }];
      if (texts !== null && isSent(texts.inputs, signature, inputs)) {
        const prepared = await texts.prepare(inputs, request.signal);
        releases.push(prepared.release);
        ({ parts } = prepared);
        elapsedMs += prepared.elapsedMs;
        done.push('texts');
      }
      const left = withTimeLeft(request, { model, elapsedMs, what: done.join(' and ') });
      return await this.#answerParts(left, parts, async (part) => {
        const result = await submit(part);
        if (texts === null) return result;
        return { ...result, outputs: await texts.finish(result.outputs, request.signal) };
      });
    } finally {
      for (const release of releases) release();
    }
  }

  async #answerParts(request: CallRequest, parts: readonly RequestPart[], submit: Submit): Promise<ScheduledResult> {
    const [only, second] = parts;
    if (only !== undefined && second === undefined) return submit({ ...request, inputs: only.inputs });
    const results: ScheduledResult[] = [];
    for (let at = 0; at < parts.length; at += PARTS_AT_ONCE) {
      const some = parts.slice(at, at + PARTS_AT_ONCE);
      results.push(...(await Promise.all(some.map(({ inputs }) => submit({ ...request, inputs })))));
    }
    const timings = results.map(({ timing }) => timing);
    return {
      outputs: joinParts(
        this.#parts.model,
        parts,
        results.map(({ outputs }) => outputs),
      ),
      timing: {
        queueMs: Math.max(...timings.map(({ queueMs }) => queueMs)),
        computeMs: timings.reduce((sum, { computeMs }) => sum + computeMs, 0),
        batchRows: Math.max(...timings.map(({ batchRows }) => batchRows)),
      },
    };
  }
}

/** Whether bytes stand where the signature wants something else and the manifest says what becomes of them. */
function isSent(names: ReadonlySet<string>, signature: Signature, inputs: NamedTensors): boolean {
  if (names.size === 0) return false;
  return signature.inputs.some(
    ({ name, dtype }) => dtype !== 'string' && names.has(name) && inputs.get(name)?.dtype === 'string',
  );
}

function withTimeLeft(
  request: CallRequest,
  { model, elapsedMs, what }: { readonly model: string; readonly elapsedMs: number; readonly what: string },
): CallRequest {
  if (request.timeoutMs === undefined) return request;
  const timeoutMs = request.timeoutMs - elapsedMs;
  if (timeoutMs > 0) return { ...request, timeoutMs };
  throw new AmaasError(
    'DEADLINE_EXCEEDED',
    `infer: reading the ${what} for model "${model}" took ${Math.round(elapsedMs)} ms; the request may wait ${request.timeoutMs} ms`,
  );
}

/** The answers to parts of a request as one, each row where the request has it. */
function joinParts(model: string, parts: readonly RequestPart[], answers: readonly NamedTensors[]): NamedTensors {
  const rows = parts.reduce((sum, part) => sum + (part.rows?.length ?? 0), 0);
  const joined = new Map<string, Tensor>();
  for (const name of answers[0]?.keys() ?? []) {
    const tensors = answers.flatMap((answer) => answer.get(name) ?? []);
    joined.set(name, joinTensors({ model, name, rows }, parts, tensors));
  }
  return joined;
}

function joinTensors(
  what: { readonly model: string; readonly name: string; readonly rows: number },
  parts: readonly RequestPart[],
  tensors: readonly Tensor[],
): Tensor {
  const [first] = tensors;
  if (first === undefined) throw new AmaasError('INTERNAL', `infer: output "${what.name}" has no parts`);
  const { dtype, shape } = first;
  for (const [index, tensor] of tensors.entries()) {
    const expected = [parts[index]?.rows?.length, ...shape.slice(1)];
    if (
      shape.length === 0 ||
      tensor.dtype !== dtype ||
      formatShape(tensor.shape) !== formatShape(expected.map((dim) => dim ?? null))
    ) {
      throw new AmaasError(
        'INPUT_MISMATCH',
        `infer: texts of different lengths run apart in model "${what.model}", and output "${what.name}" has shape ${formatShape(shape)} for some and ${formatShape(tensor.shape)} for others; send texts of one length together`,
        { details: { model: what.model } },
      );
    }
  }
  const whole = [what.rows, ...shape.slice(1)];
  const perRow = first.data.length / (shape[0] ?? 1);
  if (dtype === 'string') {
    const data = new Array<Uint8Array>(what.rows * perRow);
    eachRow(parts, (part, place, row) => {
      const tensor = tensors[part];
      if (tensor?.dtype === 'string')
        for (let at = 0; at < perRow; at++)
          data[row * perRow + at] = tensor.data[place * perRow + at] ?? new Uint8Array();
    });
    return { dtype, shape: whole, data };
  }
  const data = new TYPED_ARRAYS[dtype](what.rows * perRow);
  eachRow(parts, (part, place, row) => {
    // One dtype, so one kind of array: bigints go where bigints are.
    const source = tensors[part]?.data as Float64Array;
    (data as Float64Array).set(source.subarray(place * perRow, (place + 1) * perRow), row * perRow);
  });
  return { dtype, shape: whole, data } as Tensor; // the array is what tensors of this dtype are stored in
}

/** Calls back with each row's part, its place in it, and its place in the request. */
function eachRow(parts: readonly RequestPart[], visit: (part: number, place: number, row: number) => void): void {
  for (const [part, { rows }] of parts.entries())
    for (const [place, row] of (rows ?? []).entries()) visit(part, place, row);
}
