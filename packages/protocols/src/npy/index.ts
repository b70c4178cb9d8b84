// NumPy's file formats, .npy and .npz.
export { decodeNpy, type DecodeNpyOptions } from './decode.ts';
export { decodeNpz, type DecodeNpzOptions } from './decode-npz.ts';
export { encodeNpy } from './encode.ts';
