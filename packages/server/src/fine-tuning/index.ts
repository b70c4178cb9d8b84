// Language models that go on learning from examples, as jobs: asked for, paused, resumed, and what came of them.
export type { FineTuningPage, FineTuningPageRequest, FineTunings } from './fine-tunings.ts';
export { FineTuningQueue, type FineTuningQueueParts } from './queue.ts';
export { type FineTuningRuntime, trainFineTuning } from './train.ts';
