// Stored results of ggml itself (llama.cpp v0.5.0). `q8`, `q4`, `from8`, `from4`: blocks of `values` by
// quantize_row_q8_0_ref and quantize_row_q4_0_ref of its compiled library, called through ctypes, and back; blocks of zeros,
// halves, ties of either sign, scales below and near those of half precision, normal numbers of many sizes, and two blocks
// in which the rounding of the scale's inverse decides. `q4k` and its like: random blocks of 256, `from_q4k` their numbers by
// dequantize_row_q4_K. `file`: a file by its Python writer, `GGUFWriter(path, 'llama')`, add_key_value of every type and add_tensor of five types.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

// The file was written with these fields.
const stored = JSON.parse(readFileSync(join(import.meta.dirname, 'oracle.json'), 'utf8')) as Readonly<
  Record<
    'values' | 'q8' | 'q4' | 'from8' | 'from4' | 'q4k' | 'q5k' | 'q6k' | 'from_q4k' | 'from_q5k' | 'from_q6k' | 'file',
    string
  >
>;

export function oracleBytes(name: keyof typeof stored): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(stored[name], 'base64'));
}

export function oracleFloats(name: Exclude<keyof typeof stored, 'file'>): Float32Array {
  return new Float32Array(oracleBytes(name).buffer);
}
