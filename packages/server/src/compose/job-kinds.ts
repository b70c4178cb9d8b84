// What the hooks of job kinds are made of.
import type { Admission } from '../admission/index.ts';
import type { BlobStore } from '../artifacts/index.ts';
import type { DataPlane } from '../dataplane/index.ts';
import type { JobKind } from '../jobs/index.ts';
import type { Registry } from '../registry/index.ts';

/** The parts of the server that hooks may call. */
export interface JobKindParts {
  /** With `datasets` and `runs`. */
  readonly registry: Registry;
  readonly blobs: BlobStore;
  readonly admission: Admission;
  readonly dataPlane: DataPlane;
  /** What a run notes as the version of the code. */
  readonly codeVersion: string;
}

/** Makes kinds of jobs once the server's parts are there. */
export type JobKindFactory = (parts: JobKindParts) => readonly JobKind[];
