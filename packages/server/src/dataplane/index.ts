export { DataPlane, type DataPlaneParts } from './data-plane.ts';
export { LanguageLoader, type LanguageLoaderParts, languageSource, readTemplate } from './language-loader.ts';
export { LanguageMemory, type MemoryHolder } from './language-memory.ts';
export type {
  AnswerPart,
  AnswerReader,
  ConversationFormat,
  ConversationFormatProvider,
  ConversationSubject,
  LanguageEvidence,
  LanguageProvider,
  PreparedPrompt,
} from './language-ports.ts';
export { PRODUCTION_LABEL, type VersionState, type VersionStatus } from './model-table.ts';
export type {
  CallRequest,
  InputPreparer,
  LaidOutVersion,
  PreparationRequest,
  PreparedInputs,
  PreparedTexts,
  RequestPart,
  RunModel,
  ServingEvidence,
  TextSteps,
  TextStepsProvider,
  TextSubject,
  VersionProvider,
  VersionRecorder,
} from './ports.ts';
export type { AnyServed } from './reconciler.ts';
export { type LanguageRecorder, type Residency, ServedLanguageModel } from './served-language-model.ts';
export { ServedVersion } from './served-version.ts';
export { planServing, type ServingDefaults, type ServingPlan } from './serving-plan.ts';
