// A page's worker that trains when asked.
import { createOrtWebExecutor } from '@amaas/engine-ort-web';
import { trainSmall } from './train-small.ts';

globalThis.onmessage = async () => {
  globalThis.postMessage(await trainSmall(await createOrtWebExecutor()));
};
