// A picture file as the input a model takes, by the steps its manifest declares: the same two steps the server takes.
// What they need is imported when a picture has to be read.
import type { ShapedInput } from '@amaas/client';
import type { ImagePreprocess } from '@amaas/core';

/**
 * A picture as float32 values, batch dim 1; the client turns them into the dtype the model declares.
 * @throws ENGINE_MISSING without sharp, INVALID_ARGUMENT for no picture, REQUEST_TOO_LARGE for one beyond all measure,
 *   INVALID_CONFIG for mean and std that do not fit the channels.
 */
export async function readImageInput(path: string, preprocess: ImagePreprocess): Promise<ShapedInput> {
  const [{ decodeImage }, { tensorFromPixels }] = await Promise.all([
    import('@amaas/engine-sharp'),
    import('@amaas/learn/data'),
  ]);
  const { shape, data } = tensorFromPixels([await decodeImage(path, preprocess)], preprocess);
  return { shape, data: data as Float32Array }; // float32 by default
}
