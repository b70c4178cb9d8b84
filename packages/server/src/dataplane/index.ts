export { DataPlane, type DataPlaneParts } from './data-plane.ts';
export { PRODUCTION_LABEL, type VersionState, type VersionStatus } from './model-table.ts';
export type {
  InputPreparer,
  LaidOutVersion,
  PreparationRequest,
  PreparedInputs,
  ServingEvidence,
  VersionProvider,
  VersionRecorder,
} from './ports.ts';
export { type CallRequest, ServedVersion } from './served-version.ts';
export { planServing, type ServingDefaults, type ServingPlan } from './serving-plan.ts';
