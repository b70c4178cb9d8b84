// What trainings and evaluations of folders have in common.

/** Files beyond it that cannot be read are no accident. */
export const MAX_SKIPPED_SHARE = 0.1;
