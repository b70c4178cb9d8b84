// OpenAI's fine-tuning jobs as JSON, and the lines of the files they learn from.
export {
  type Automatic,
  type FineTuningRequest,
  type Hyperparameters,
  readFineTuningRequest,
} from './create-request.ts';
export {
  type DescribedCheckpoint,
  type DescribedEvent,
  type DescribedFineTuning,
  encodeFineTuning,
  encodeFineTuningCheckpoint,
  encodeFineTuningEvent,
  type FineTuningStatus,
} from './descriptions.ts';
export { readTrainingExample, type TrainingExample } from './training-example.ts';
