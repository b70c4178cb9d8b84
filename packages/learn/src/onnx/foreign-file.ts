// Names the usual wrong files by their first bytes, so that the message says what was uploaded instead of a model.
// Asked only after reading has failed: a true model may begin with any of these by chance.

const MAGICS: readonly (readonly [offset: number, magic: string, name: string])[] = [
  [0, 'version https://git-lfs', 'a Git LFS pointer; fetch the file it points to'],
  [0, 'GGUF', 'a GGUF model'],
  [4, 'ORTM', 'a model in ONNX Runtime format (.ort)'],
  [4, 'TFL3', 'a TensorFlow Lite model'],
  [0, 'PK\x03\x04', 'a ZIP archive, such as PyTorch and Keras write'],
  [0, '\x89HDF', 'an HDF5 file, such as Keras writes'],
  [0, '\x1f\x8b', 'a gzip archive'],
  [0, '\x80\x02', 'a Python pickle'],
  [0, '\x80\x03', 'a Python pickle'],
  [0, '\x80\x04', 'a Python pickle'],
  [0, '\x80\x05', 'a Python pickle'],
  [0, '<', 'HTML or XML'],
  [0, '{', 'JSON'],
];

/** What a file that is no ONNX model seems to be, or null where its first bytes tell nothing. */
export function describeForeignFile(bytes: Uint8Array): string | null {
  for (const [offset, magic, name] of MAGICS) {
    let matches = true;
    for (let index = 0; matches && index < magic.length; index++) {
      matches = bytes[offset + index] === magic.charCodeAt(index);
    }
    if (matches) return name;
  }
  return null;
}
