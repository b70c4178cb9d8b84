// The part of the management API's table that is about training: datasets, runs, jobs. All of it asks for the scope
// `deploy`, reading too: data and reports are none of the business of keys that only call models.
import {
  DatasetListSchema,
  DatasetSchema,
  DatasetVersionSchema,
  FailureSchema,
  JOB_STATES,
  JobListSchema,
  JobProgressSchema,
  JobSchema,
  NameSchema,
  RUN_STATES,
  RunListSchema,
  RunSchema,
  SubmitJobRequestSchema,
} from '@amaas/protocols/admin';
import type { ParameterDescription, RouteDescription } from '../family.ts';

export const TRAINING_SCHEMAS = {
  Dataset: DatasetSchema,
  DatasetVersion: DatasetVersionSchema,
  Run: RunSchema,
  Job: JobSchema,
  JobProgress: JobProgressSchema,
  SubmitJobRequest: SubmitJobRequestSchema,
  Failure: FailureSchema,
} as const;

function query(name: string, description: string, schema: object): ParameterDescription {
  return { name, in: 'query', description, schema };
}

const FORCE = query('force', 'Also while runs refer to it: they keep its digest.', { type: 'boolean' });
const LIMIT = query('limit', 'Most entries given; default 100.', { type: 'integer', minimum: 1, maximum: 1000 });
const before = (what: string) =>
  query('before', `Only ${what} older than this one: for the next page.`, { type: 'string' });

export const TRAINING_ROUTES = {
  listDatasets: {
    method: 'GET',
    path: '/admin/v1/datasets',
    access: 'deploy',
    summary: 'All datasets with their versions',
    tag: 'Datasets',
    reply: DatasetListSchema,
  },
  getDataset: {
    method: 'GET',
    path: '/admin/v1/datasets/{dataset}',
    access: 'deploy',
    summary: 'One dataset with its versions',
    tag: 'Datasets',
    reply: DatasetSchema,
  },
  uploadDataset: {
    method: 'POST',
    path: '/admin/v1/datasets/{dataset}/versions',
    access: 'deploy',
    summary: 'Upload a file as the next version; the newest contents again are the newest version',
    tag: 'Datasets',
    rawType: 'application/octet-stream',
    bodyDescription: 'The file as it is, under any media type.',
    parameters: [
      query('version', 'A number of your own instead of the next.', { type: 'integer', minimum: 1 }),
      query('fileName', 'What the file is called.', { type: 'string', maxLength: 255 }),
    ],
    reply: DatasetVersionSchema,
    status: 201,
  },
  deleteDataset: {
    method: 'DELETE',
    path: '/admin/v1/datasets/{dataset}',
    access: 'deploy',
    summary: 'Delete a dataset with all versions',
    tag: 'Datasets',
    parameters: [FORCE],
    status: 204,
  },
  getDatasetVersion: {
    method: 'GET',
    path: '/admin/v1/datasets/{dataset}/versions/{version}',
    access: 'deploy',
    summary: 'One version of a dataset',
    tag: 'Datasets',
    reply: DatasetVersionSchema,
  },
  downloadDataset: {
    method: 'GET',
    path: '/admin/v1/datasets/{dataset}/versions/{version}/content',
    access: 'deploy',
    summary: 'The file itself',
    tag: 'Datasets',
    replyType: 'application/octet-stream',
  },
  deleteDatasetVersion: {
    method: 'DELETE',
    path: '/admin/v1/datasets/{dataset}/versions/{version}',
    access: 'deploy',
    summary: 'Delete a version of a dataset',
    tag: 'Datasets',
    parameters: [FORCE],
    status: 204,
  },
  listRuns: {
    method: 'GET',
    path: '/admin/v1/runs',
    access: 'deploy',
    summary: 'Runs, newest first',
    tag: 'Runs',
    parameters: [
      query('kind', 'Only of this kind.', { type: 'string' }),
      query('state', 'Only in this state.', { type: 'string', enum: RUN_STATES }),
      query('model', 'Only for this model.', NameSchema),
      query('dataset', 'Only those that read this dataset.', NameSchema),
      query('job', 'Only those of this job.', { type: 'string' }),
      before('runs'),
      LIMIT,
    ],
    reply: RunListSchema,
  },
  getRun: {
    method: 'GET',
    path: '/admin/v1/runs/{run}',
    access: 'deploy',
    summary: 'One run with its lineage',
    tag: 'Runs',
    reply: RunSchema,
  },
  getRunReport: {
    method: 'GET',
    path: '/admin/v1/runs/{run}/report',
    access: 'deploy',
    summary: 'The report of a run: a page, or JSON where that is asked for',
    tag: 'Runs',
    replyType: 'text/html',
    parameters: [
      {
        name: 'accept',
        in: 'header',
        description: '`application/json` asks for the report as JSON.',
        schema: { type: 'string' },
      },
    ],
  },
  deleteRun: {
    method: 'DELETE',
    path: '/admin/v1/runs/{run}',
    access: 'deploy',
    summary: 'Forget a run that has ended; what it made stays',
    tag: 'Runs',
    status: 204,
  },
  listJobs: {
    method: 'GET',
    path: '/admin/v1/jobs',
    access: 'deploy',
    summary: 'Jobs, newest first',
    tag: 'Jobs',
    parameters: [
      query('kind', 'Only of this kind.', { type: 'string' }),
      query('state', 'Only in this state.', { type: 'string', enum: JOB_STATES }),
      before('jobs'),
      LIMIT,
    ],
    reply: JobListSchema,
  },
  submitJob: {
    method: 'POST',
    path: '/admin/v1/jobs',
    access: 'deploy',
    summary: 'Submit a job; it is kept once this is answered',
    tag: 'Jobs',
    requestBody: SubmitJobRequestSchema,
    example: { kind: 'train', configuration: { dataset: 'heart', target: 'target' } },
    reply: JobSchema,
    status: 201,
  },
  getJob: {
    method: 'GET',
    path: '/admin/v1/jobs/{job}',
    access: 'deploy',
    summary: 'One job with its progress',
    tag: 'Jobs',
    reply: JobSchema,
  },
  cancelJob: {
    method: 'POST',
    path: '/admin/v1/jobs/{job}/cancel',
    access: 'deploy',
    summary: 'End a job: asked first, then made to',
    tag: 'Jobs',
    reply: JobSchema,
  },
  followJob: {
    method: 'GET',
    path: '/admin/v1/jobs/{job}/events',
    access: 'deploy',
    summary: 'What happens to a job as server-sent events, until it ends',
    tag: 'Jobs',
    replyType: 'text/event-stream',
    parameters: [
      {
        name: 'last-event-id',
        in: 'header',
        description: 'Go on after this event.',
        schema: { type: 'integer', minimum: 0 },
      },
    ],
  },
  getJobLog: {
    method: 'GET',
    path: '/admin/v1/jobs/{job}/log',
    access: 'deploy',
    summary: 'What a job has printed so far',
    tag: 'Jobs',
    replyType: 'text/plain',
    parameters: [query('tailBytes', 'Only the end, of about so many bytes.', { type: 'integer', minimum: 1 })],
  },
} as const satisfies Record<string, RouteDescription>;
