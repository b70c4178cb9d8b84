// The entry of a job `fine-tune` in its child process. Part of the composition root: the only place that knows which engines
// read the model and train it.
import { LlamaEngine } from '@amaas/engine-llama';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { ConversationFormats } from '../conversation/index.ts';
import { trainFineTuning } from '../fine-tuning/index.ts';
import type { JobRuntime, Json } from '../jobs/index.ts';

export function runJob(job: JobRuntime): Promise<Json> {
  return trainFineTuning(job, {
    engine: new LlamaEngine(),
    formats: new ConversationFormats(),
    createExecutor: createOrtNodeExecutor,
  });
}
