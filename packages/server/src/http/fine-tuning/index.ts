export type { FineTuningPage, FineTuningPageRequest, FineTunings } from '../../fine-tuning/index.ts';
export { createFineTuningFamily } from './fine-tuning-family.ts';
