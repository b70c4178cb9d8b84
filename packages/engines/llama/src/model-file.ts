// What a model file says about itself: its header, read without llama.cpp.
import { open } from 'node:fs/promises';
import { AmaasError, type LanguageModelFile } from '@amaas/core';
import { type GgufFile, ggufNumber, ggufNumbers, ggufText, ggufTexts, readGguf } from '@amaas/learn/gguf';
import { readPooling } from './pooling-nature.ts';
import { TOKEN_KINDS } from './token-kinds.ts';

/** Kinds of tokens that no user's text may stand for. */
const SPECIAL: ReadonlySet<number | undefined> = new Set([
  TOKEN_KINDS.unknown,
  TOKEN_KINDS.control,
  TOKEN_KINDS.userDefined,
]);

/**
 * Reads the header of a model file, every number of it held against the file's length: what is malformed ends here and does
 * not reach llama.cpp.
 * @throws INVALID_MODEL naming what is wrong, and where
 */
export async function readHeader(modelPath: string): Promise<{ readonly gguf: GgufFile; readonly fileBytes: number }> {
  const file = await open(modelPath);
  try {
    const { size } = await file.stat();
    const gguf = await readGguf({
      byteLength: size,
      async read(start, end) {
        const bytes = new Uint8Array(end - start);
        const { bytesRead } = await file.read(bytes, 0, bytes.length, start);
        return bytes.subarray(0, bytesRead);
      },
    });
    return { gguf, fileBytes: size };
  } finally {
    await file.close();
  }
}

/** @throws INVALID_MODEL naming what is wrong, and where */
export async function readLanguageModelFile(modelPath: string): Promise<LanguageModelFile> {
  const { gguf, fileBytes } = await readHeader(modelPath);
  const { metadata, tensors } = gguf;
  const architecture = ggufText(metadata, 'general.architecture');
  const tokens = ggufTexts(metadata, 'tokenizer.ggml.tokens');
  if (architecture === undefined || tokens === undefined) {
    const missing = architecture === undefined ? 'general.architecture' : 'tokenizer.ggml.tokens';
    throw new AmaasError('INVALID_MODEL', `gguf: the file is no language model: it has no ${missing}`);
  }
  const types = Array.from(ggufNumbers(metadata, 'tokenizer.ggml.token_type') ?? []);
  const tokenNamed = (key: string): string | null =>
    tokens[ggufNumber(metadata, `tokenizer.ggml.${key}`) ?? -1] ?? null;
  const number = (key: string): number => ggufNumber(metadata, `${architecture}.${key}`) ?? 0;
  const addBegin = metadata.get('tokenizer.ggml.add_bos_token');
  return {
    architecture,
    name: ggufText(metadata, 'general.name') ?? null,
    quantization: usualType(tensors),
    parameters: [...tensors.values()].reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0),
    fileBytes,
    vocabularySize: tokens.length,
    embeddingSize: number('embedding_length'),
    layers: number('block_count'),
    trainedContextTokens: number('context_length'),
    chatTemplate: ggufText(metadata, 'tokenizer.chat_template') ?? null,
    beginToken: tokenNamed('bos_token_id'),
    endToken: tokenNamed('eos_token_id'),
    // llama.cpp's own default where the file does not say: sentencepiece vocabularies begin texts, others do not.
    beginsTexts: addBegin?.type === 'bool' ? addBegin.value : ggufText(metadata, 'tokenizer.ggml.model') === 'llama',
    specialTokens: tokens.filter((text, index) => text !== '' && SPECIAL.has(types[index])),
    pooling: readPooling(metadata),
  };
}

/** The type that holds most of the numbers. */
function usualType(tensors: GgufFile['tensors']): string | null {
  const counts = new Map<string, number>();
  for (const { type, shape } of tensors.values()) {
    counts.set(type, (counts.get(type) ?? 0) + shape.reduce((a, b) => a * b, 1));
  }
  return [...counts].sort(([, a], [, b]) => b - a)[0]?.[0] ?? null;
}
