// The data plane's version states in TensorFlow Serving's words.
import type { ErrorCode } from '@amaas/core';
import type { ModelVersionStatus } from '@amaas/protocols/tfs';
import type { VersionState, VersionStatus } from '../../dataplane/index.ts';

const STATES: Readonly<Record<VersionState, ModelVersionStatus['state']>> = {
  LOADING: 'LOADING',
  READY: 'AVAILABLE',
  UNLOADING: 'UNLOADING',
  UNLOADED: 'END',
  FAILED: 'END',
  REJECTED: 'END',
};

/** Newest first, as TensorFlow Serving lists them. */
export function versionStates(statuses: readonly VersionStatus[]): readonly ModelVersionStatus[] {
  return statuses.toReversed().map(({ version, state, reason }) => {
    const hasFailed = state === 'FAILED' || state === 'REJECTED';
    const errorCode: 'OK' | ErrorCode = hasFailed ? 'FAILED_PRECONDITION' : 'OK';
    return { version, state: STATES[state], errorCode, errorMessage: hasFailed ? (reason ?? '') : '' };
  });
}
