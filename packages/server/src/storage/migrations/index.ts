// The migration set, in order. Append only: a published step never changes, since databases that ran it exist.
import type { Migration } from 'kysely/migration';
import * as models from './0001-models.ts';
import * as verdicts from './0002-verdicts.ts';
import * as training from './0003-training.ts';
import * as responses from './0004-responses.ts';
import * as files from './0005-files.ts';
import * as fineTunings from './0006-fine-tunings.ts';

/** Migration name → step. The number in front of a name is the schema's version after it. */
export const MIGRATIONS: Readonly<Record<string, Migration>> = {
  '0001-models': models,
  '0002-verdicts': verdicts,
  '0003-training': training,
  '0004-responses': responses,
  '0005-files': files,
  '0006-fine-tunings': fineTunings,
};
