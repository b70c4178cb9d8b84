// NumPy's .npz archives: a ZIP of .npy files.
import { AmaasError, type Tensor } from '@amaas/core';
import { decodeNpy, type DecodeNpyOptions } from './decode.ts';
import { unpackZip } from './zip.ts';

export interface DecodeNpzOptions extends DecodeNpyOptions {
  /** Most bytes all arrays may unpack to together; default 1 GiB, more than fits a request and less than a bomb wants. */
  readonly maxBytes?: number;
}

/**
 * Reads a .npz file as `numpy.savez` and `savez_compressed` write it: arrays by name, in the file's order.
 * @throws MALFORMED_REQUEST, REQUEST_TOO_LARGE beyond `maxBytes`.
 */
export async function decodeNpz(bytes: Uint8Array, options: DecodeNpzOptions = {}): Promise<Map<string, Tensor>> {
  const tensors = new Map<string, Tensor>();
  for (const [name, file] of await unpackZip(bytes, options.maxBytes ?? 2 ** 30)) {
    if (!name.endsWith('.npy')) {
      throw new AmaasError('MALFORMED_REQUEST', `npz: ${JSON.stringify(name.slice(0, 80))} is no .npy file`);
    }
    tensors.set(name.slice(0, -'.npy'.length), decodeNpy(file, options));
  }
  return tensors;
}
