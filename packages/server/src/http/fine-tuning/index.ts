export { createFineTuningFamily } from './fine-tuning-family.ts';
export type { FineTuningPage, FineTuningPageRequest, FineTunings } from './fine-tunings.ts';
