// Puts the decoder of pictures together when the first one arrives: most servers never see one, and need not load it.
import { availableParallelism } from 'node:os';
import type { Clock } from '@amaas/core';
import type { InputPreparer } from '../dataplane/index.ts';

/** libuv has four threads, and files want one. */
const MAX_PARALLEL_DECODES = 3;

export function createPicturePreparer(clock: Clock, maxTensorBytes: number): InputPreparer {
  let building: Promise<InputPreparer> | null = null;
  const build = async (): Promise<InputPreparer> => {
    const [{ PicturePreparer }, { decodeImage }] = await Promise.all([
      import('../preprocess/index.ts'),
      import('@amaas/engine-sharp'),
    ]);
    const parallelDecodes = Math.max(1, Math.min(MAX_PARALLEL_DECODES, availableParallelism() - 1));
    return new PicturePreparer({ decode: decodeImage, clock, parallelDecodes, maxTensorBytes });
  };
  return {
    async prepare(request) {
      building ??= build();
      return (await building).prepare(request);
    },
  };
}
