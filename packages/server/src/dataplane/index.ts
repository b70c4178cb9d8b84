export { DataPlane, type DataPlaneParts } from './data-plane.ts';
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
export { ServedVersion } from './served-version.ts';
export { planServing, type ServingDefaults, type ServingPlan } from './serving-plan.ts';
