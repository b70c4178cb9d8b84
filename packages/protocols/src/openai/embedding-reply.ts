// Answers to POST /v1/embeddings. Source: OpenAI's API description 2.3.0, CreateEmbeddingResponse.
import { createTensor, type Embeddings } from '@amaas/core';
import { JsonWriter, tensorPartWriter } from '../json/index.ts';

export { shortenVectors } from '../answers/index.ts';

export interface EmbeddingReplyOptions {
  /** The model as the caller named it. */
  readonly model: string;
  readonly encoding: 'float' | 'base64';
}

/** The body in pieces. */
export function encodeEmbeddingReply(
  { vectors, promptTokens }: Embeddings,
  { model, encoding }: EmbeddingReplyOptions,
): readonly Uint8Array[] {
  const writer = new JsonWriter();
  writer.raw('{"object":"list","data":[');
  for (const [index, vector] of vectors.entries()) {
    writer.raw(`${index === 0 ? '' : ','}{"object":"embedding","index":${index},"embedding":`);
    if (encoding === 'base64') writer.base64(littleEndian(vector));
    else writeNumbers(writer, vector);
    writer.raw('}');
  }
  writer.raw('],"model":').string(model);
  writer.raw(`,"usage":{"prompt_tokens":${promptTokens},"total_tokens":${promptTokens}}}`);
  return writer.takePieces();
}

function writeNumbers(writer: JsonWriter, vector: Float32Array): void {
  const shape = [vector.length];
  tensorPartWriter(writer, createTensor('float32', shape, Float32Array.from(vector)), { layout: 'flat' })(0, shape);
}

function littleEndian(vector: Float32Array): Uint8Array {
  const view = new DataView(new ArrayBuffer(vector.length * 4));
  for (const [index, value] of vector.entries()) view.setFloat32(index * 4, value, true);
  return new Uint8Array(view.buffer);
}
