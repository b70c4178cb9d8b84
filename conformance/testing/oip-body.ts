// Bodies of the Open Inference Protocol written by hand from the protocol's text, not by the code under test.
import assert from 'node:assert/strict';

/** A JSON header with binary tensors behind it, and the header that says where it ends. */
export interface BinaryBody {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly headers: Readonly<Record<string, string>>;
}

/** Puts `parts` behind the JSON of `header`. */
export function binaryBody(header: object, ...parts: readonly ArrayBufferView[]): BinaryBody {
  const json = Buffer.from(JSON.stringify(header));
  const bytes = parts.map((part) => new Uint8Array(part.buffer, part.byteOffset, part.byteLength));
  return {
    body: new Uint8Array(Buffer.concat([json, ...bytes])),
    headers: { 'Inference-Header-Content-Length': String(json.byteLength), 'Content-Type': 'application/octet-stream' },
  };
}

/** BYTES elements as the binary extension frames them: four little-endian bytes of length, then the element. */
export function frameBytes(...elements: readonly (string | Uint8Array)[]): Uint8Array {
  const parts = elements.flatMap((element) => {
    const bytes = Buffer.from(element);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(bytes.byteLength);
    return [length, bytes];
  });
  return new Uint8Array(Buffer.concat(parts));
}

/** One output of a reply; `data` where it came as JSON, `bytes` where it came behind the header. */
export interface ReplyOutput {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly data?: readonly unknown[];
  readonly bytes?: Uint8Array<ArrayBuffer>;
}

export interface InferReply {
  readonly model_name: string;
  readonly model_version: string;
  readonly id?: string;
  readonly outputs: ReadonlyMap<string, ReplyOutput>;
  /** Names in the order of the reply. */
  readonly order: readonly string[];
}

interface WireReply {
  readonly model_name: string;
  readonly model_version: string;
  readonly id?: string;
  readonly outputs: readonly (ReplyOutput & { readonly parameters?: { readonly binary_data_size?: number } })[];
}

/** Reads a successful reply, JSON or binary; fails the test when it is none. */
export async function readInferReply(response: Response): Promise<InferReply> {
  const body = new Uint8Array(await response.arrayBuffer());
  assert.equal(response.status, 200, Buffer.from(body).toString('utf8').slice(0, 500));
  const announced = response.headers.get('inference-header-content-length');
  const jsonBytes = announced === null ? body.byteLength : Number(announced);
  assert.equal(
    response.headers.get('content-type'),
    announced === null ? 'application/json' : 'application/octet-stream',
  );
  const text = Buffer.from(body.subarray(0, jsonBytes)).toString('utf8');
  // Triton writes bare words, which Python's readers take; here they become strings that Number() reads.
  const wire = JSON.parse(text.replace(/(?<=[[,])(NaN|-?Infinity)(?=[,\]])/g, '"$1"')) as WireReply; // its use checks it
  let offset = jsonBytes;
  const outputs = new Map<string, ReplyOutput>();
  for (const { parameters, ...output } of wire.outputs) {
    const size = parameters?.binary_data_size;
    if (size === undefined) outputs.set(output.name, output);
    else {
      outputs.set(output.name, { ...output, bytes: body.slice(offset, offset + size) });
      offset += size;
    }
  }
  assert.equal(offset, body.byteLength, 'nothing may follow the last tensor');
  return { ...wire, outputs, order: wire.outputs.map((output) => output.name) };
}

/** The output of that name; fails the test when there is none. */
export function outputOf(reply: InferReply, name: string): ReplyOutput {
  const output = reply.outputs.get(name);
  assert.ok(output !== undefined, `no output "${name}" among ${reply.order.join(', ')}`);
  return output;
}
