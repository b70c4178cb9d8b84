// Whole trainings: from data to a model that can be served, with its report.
export { linearOptions, perceptronOptions, type TableModelOptions } from './choose-network.ts';
export {
  type EvaluatedTable,
  evaluateTableModel,
  type RunTableModel,
  scoresOutput,
  type TableModelEvaluation,
  tableModelKinds,
  withTableModel,
} from './evaluate-table.ts';
export { inferRequest, rawRow } from './raw-rows.ts';
export {
  parseTableDescription,
  readTableDescription,
  type TableModelColumn,
  type TableModelDescription,
} from './table-description.ts';
export { heldOutLines, trainedTableFiles } from './table-files.ts';
export { LABEL_OUTPUT, PROBABILITIES_OUTPUT, VALUE_OUTPUT } from './table-model.ts';
export { type ProgressEvent, type TableProgress, trackTableProgress } from './table-progress.ts';
export { tableOptions, type TableSettings } from './table-settings.ts';
export type { TableTarget } from './table-target.ts';
export { type TrainedTable, type TrainTableEvent, type TrainTableOptions, trainTable } from './train-table.ts';
export type { ImageAugmentation } from './augmentation.ts';
export type { MediaSummary } from './media-data.ts';
export {
  type MediaModelDescription,
  type MediaPreparation,
  parseMediaDescription,
  readMediaDescription,
} from './media-description.ts';
export {
  type EvaluatedMedia,
  evaluateMediaModel,
  type MediaModelEvaluation,
  type RunMediaModel,
  withMediaModel,
} from './media-evaluation.ts';
export { heldOutMediaLines, trainedMediaFiles } from './media-files.ts';
export type {
  HeldOutMedia,
  MediaTrainingSettings,
  TrainedMedia,
  TrainMediaEvent,
  TrainMediaOptions,
} from './media-training.ts';
export {
  AUDIO_INPUT,
  type AudioAugmentation,
  type AudioCandidate,
  trainAudio,
  type TrainAudioOptions,
} from './train-audio.ts';
export { IMAGE_INPUT, type ImageCandidate, trainImages, type TrainImagesOptions } from './train-images.ts';
export { TEXT_INPUT, type TextCandidate, trainText, type TrainTextOptions } from './train-text.ts';
export { constantCandidate, type ValidatedCandidate } from './tune-table-baseline.ts';
export {
  type CandidateStore,
  type SearchTableEvent,
  TABLE_SCHEDULERS,
  type TableScheduler,
  type TrialTrainer,
} from './tune-table-search.ts';
export { checkTableSpace, defaultTableSpace, TUNED_SETTINGS, type TunedSetting } from './tune-table-space.ts';
export {
  type TableTrialHooks,
  type TableTrialResult,
  type TableTrialTask,
  type TrainTableTrial,
  trainTableTrial,
} from './tune-table-trial.ts';
export { type TunedTable, type TuneTableEvent, type TuneTableOptions, tuneTable } from './tune-table.ts';
export type { TableExamples } from './table-preparation.ts';
export {
  type LinearBaseline,
  type LinearBaselineOptions,
  readSampleRows,
  type SampleRows,
  trainLinearBaseline,
} from './compare-table-baseline.ts';
export {
  type ComparedTable,
  type CompareTableOptions,
  compareTables,
  type EvaluatedCandidate,
  type PairedResult,
  type TableComparison,
} from './compare-table.ts';
export {
  type CrossValidatedTable,
  type CrossValidateTableOptions,
  crossValidateTable,
  type TableFold,
} from './cross-validate-table.ts';
export type { SpeechAugmentation } from './speech-augmentation.ts';
export type { SpeechSummary } from './speech-data.ts';
export {
  parseSpeechDescription,
  readSpeechDescription,
  SPEECH_METADATA,
  type SpeechModelDescription,
} from './speech-description.ts';
export { heldOutSpeechLines, trainedSpeechFiles } from './speech-files.ts';
export {
  greedyText,
  recordingsTensor,
  SPEECH_INPUT,
  SPEECH_SCORES_OUTPUT,
  SPEECH_TEXT_OUTPUT,
} from './speech-model.ts';
export {
  formatSpeechReport,
  type HeardText,
  type SpeechMetricName,
  speechMetric,
  type SpeechReport,
} from './speech-report.ts';
export { SPEECH_BLANK, type SpeechSymbols, spellLabels } from './speech-symbols.ts';
export type {
  SpeechNetworkOptions,
  SpeechTrainingSettings,
  TrainSpeechEvent,
  TrainSpeechOptions,
} from './speech-options.ts';
export { DEFAULT_SPEECH_AUGMENTATION, type TrainedSpeech, trainSpeech } from './train-speech.ts';
export { readTaggedSentences, type TaggedSentence, type TaggedSentencesOptions } from './tagged-sentences.ts';
export { TAGS_OUTPUT, WORDS_OUTPUT } from './tagger-model.ts';
export { formatTaggerReport, type TaggerReport } from './tagger-report.ts';
export { type TrainedTagger, trainTagger, type TrainTaggerOptions } from './train-tagger.ts';
