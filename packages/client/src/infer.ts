// Predictions over the Open Inference Protocol: tensors behind a JSON header by default, all JSON where asked for.
import type { NamedTensors, Tensor } from '@amaas/core';
import { decodeInferReply, encodeInferRequest } from '@amaas/protocols/oip';
import type { CallOptions } from './admin-call.ts';
import { type InferInputs, isNamedTensors, tensorsFromValues } from './inputs.ts';
import { decodeMetadata, type ModelMetadata } from './metadata.ts';
import type { Transport } from './transport.ts';

export interface InferOptions extends CallOptions {
  /** Outputs wanted, by name; default all. */
  readonly outputs?: readonly string[];
  /** Whether elements travel as bytes; default true: smaller, quicker and exact. false: JSON, for proxies and for looking at. */
  readonly binary?: boolean;
  /** 1 highest; default the model's. */
  readonly priority?: number;
  /** Longest the request may wait in the server's queue, in milliseconds; default as long as the call lasts. */
  readonly queueTimeoutMs?: number;
}

export interface InferenceResult {
  readonly model: string;
  /** The version that answered; null when the server named none. */
  readonly version: number | null;
  readonly outputs: NamedTensors;
}

export interface Inference {
  infer(model: string, inputs: InferInputs, options?: InferOptions): Promise<InferenceResult>;
  metadata(model: string, options?: CallOptions): Promise<ModelMetadata>;
}

/** Address of a model, given as `name`, `name:label` or `name@version`. */
export function inferencePath(model: string): string {
  return `/v2/models/${encodeURIComponent(model)}`;
}

/** Metadata kept per client: more models than this and the oldest goes. */
const MAX_KEPT = 256;

export function createInference(transport: Transport): Inference {
  const kept = new Map<string, ModelMetadata>();

  async function metadata(model: string, options?: CallOptions): Promise<ModelMetadata> {
    const call = { operation: 'metadata', method: 'GET', path: inferencePath(model), repeatable: true } as const;
    return decodeMetadata(await transport.request({ ...call, ...options }));
  }

  async function keptMetadata(model: string, options: CallOptions): Promise<ModelMetadata> {
    const known = kept.get(model);
    if (known !== undefined) return known;
    const found = await metadata(model, { signal: options.signal, timeoutMs: options.timeoutMs });
    const [oldest] = kept.keys();
    if (kept.size >= MAX_KEPT && oldest !== undefined) kept.delete(oldest);
    kept.set(model, found);
    return found;
  }

  async function asTensors(model: string, inputs: InferInputs, options: CallOptions): Promise<NamedTensors> {
    if (isNamedTensors(inputs)) return inputs;
    const values = Object.entries(inputs);
    // Tensors say themselves what they are.
    if (values.every(([, value]) => typeof value === 'object' && value !== null && 'dtype' in value)) {
      return new Map(values as [string, Tensor][]); // `dtype` is what tells a Tensor from the other values
    }
    return tensorsFromValues(model, (await keptMetadata(model, options)).inputs, inputs);
  }

  async function infer(model: string, inputs: InferInputs, options: InferOptions = {}): Promise<InferenceResult> {
    const { outputs, binary, priority, queueTimeoutMs, signal, timeoutMs } = options;
    const request = encodeInferRequest(await asTensors(model, inputs, options), {
      ...(outputs === undefined ? {} : { outputs }),
      ...(binary === undefined ? {} : { binary }),
      ...(priority === undefined ? {} : { priority }),
      ...(queueTimeoutMs === undefined ? {} : { timeoutMs: queueTimeoutMs }),
    });
    const reply = await transport
      .request({
        operation: 'infer',
        method: 'POST',
        path: `${inferencePath(model)}/infer`,
        headers: request.headers,
        body: joined(request.parts, request.byteLength),
        repeatable: true, // a prediction changes nothing
        signal,
        timeoutMs,
      })
      .catch((thrown: unknown) => {
        kept.delete(model); // the reason may be that the model is another one by now
        throw thrown;
      });
    const headerLength = reply.headers.get('inference-header-content-length');
    const decoded = decodeInferReply(reply.bytes, headerLength === null ? null : Number(headerLength));
    const version = Number(decoded.version ?? Number.NaN);
    return { model: decoded.model, version: Number.isSafeInteger(version) ? version : null, outputs: decoded.outputs };
  }

  return { infer, metadata };
}

/** One buffer: fetch sends it with its length and may send it again. */
function joined(parts: readonly Uint8Array[], byteLength: number): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(byteLength);
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.byteLength;
  }
  return whole;
}
