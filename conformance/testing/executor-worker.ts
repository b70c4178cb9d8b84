// The worker's side of executor-scenario.ts: an index of a case in, its outcome out.
import { runCase, theExecutor } from './executor-scenario.ts';

addEventListener('message', async ({ data }: MessageEvent<number>) => {
  const { name } = await theExecutor();
  postMessage({ name, outcome: await runCase(data) });
});
