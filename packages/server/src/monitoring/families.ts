// How the recorded numbers become Prometheus series: names, help texts and labels, nothing else.
import type { Histogram } from './histogram.ts';
import type { ModelRecorder, RequestCount } from './model-recorder.ts';

/** One line of a scrape. */
export interface Sample {
  /** Where it differs from the family's name, as for a histogram's buckets. */
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

/** A metric with all its series. */
export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  collect(): readonly Sample[];
}

/** What a loaded version holds at this moment. */
export interface ServedGauges {
  readonly model: string;
  readonly version: number;
  /** Requests waiting. */
  readonly queueDepth: number;
  /** null where it is not known. */
  readonly memoryBytes: number | null;
}

/** What the queue of jobs holds at this moment. */
export interface JobGauges {
  readonly waiting: number;
  readonly running: number;
}

/** What batches of requests hold at this moment. */
export interface BatchGauges {
  /** Batches that have not ended. */
  readonly open: number;
  /** Their requests under way. */
  readonly requests: number;
}

/** Jobs of a kind that ended in a state. */
export interface EndedJobs {
  readonly kind: string;
  readonly state: string;
  readonly count: number;
}

/** The numbers the families read. */
export interface MetricSources {
  recorders(): Iterable<ModelRecorder>;
  /** Requests that were for no served version. */
  otherRequests(): readonly RequestCount[];
  served(): Iterable<ServedGauges>;
  verdicts(): Iterable<readonly [string, number]>;
  authRefusals(): Iterable<readonly [string, number]>;
  /** null where there is no queue. */
  jobs(): JobGauges | null;
  jobAttempts(): Iterable<readonly [string, number]>;
  endedJobs(): Iterable<EndedJobs>;
  /** null where there are none. */
  batches(): BatchGauges | null;
  endedBatches(): Iterable<readonly [string, number]>;
}

/** Every family of amaas's own. */
export function createFamilies(sources: MetricSources): readonly Family[] {
  return [
    {
      name: 'amaas_requests_total',
      help: 'Requests by model, version, protocol and gRPC status code; model and version are empty where none was found.',
      type: 'counter',
      collect: () => [
        ...sources.otherRequests().map((request) => requestSample({ model: '', version: '' }, request)),
        ...perRecorder(sources, (recorder, labels) =>
          recorder.readRequests().map((request) => requestSample(labels, request)),
        ),
      ],
    },
    histogramFamily(sources, {
      name: 'amaas_request_queue_seconds',
      help: 'Time successful requests waited for their run.',
      scale: 1_000,
      of: (recorder) => recorder.queueMs,
    }),
    histogramFamily(sources, {
      name: 'amaas_request_compute_seconds',
      help: 'Time of the run successful requests were part of.',
      scale: 1_000,
      of: (recorder) => recorder.computeMs,
    }),
    histogramFamily(sources, {
      name: 'amaas_request_seconds',
      help: "Time from a request's header to its reply, failed requests included.",
      scale: 1_000,
      of: (recorder) => recorder.totalMs,
    }),
    histogramFamily(sources, {
      name: 'amaas_batch_rows',
      help: 'Rows per run.',
      scale: 1,
      isOfSome: true,
      of: (recorder) => recorder.batchRows,
    }),
    histogramFamily(sources, {
      name: 'amaas_time_to_first_token_seconds',
      help: 'Time from the acceptance of a request for text to its first token.',
      scale: 1_000,
      isOfSome: true,
      of: (recorder) => recorder.firstTokenMs,
    }),
    histogramFamily(sources, {
      name: 'amaas_time_per_token_seconds',
      help: 'Mean time between the tokens of an answer.',
      scale: 1_000,
      isOfSome: true,
      of: (recorder) => recorder.tokenMs,
    }),
    {
      name: 'amaas_tokens_total',
      help: 'Tokens by kind: prompt (of which cached were not computed again) and completion.',
      type: 'counter',
      collect: () =>
        perRecorder(sources, (recorder, labels) =>
          Object.entries(recorder.readTokens() ?? {}).map(([kind, value]) => ({ labels: { ...labels, kind }, value })),
        ),
    },
    {
      name: 'amaas_dispatches_total',
      help: 'Runs by the reason the scheduler had to start them.',
      type: 'counter',
      collect: () =>
        perRecorder(sources, (recorder, labels) =>
          recorder.readDispatches().map(({ reason, count }) => ({ labels: { ...labels, reason }, value: count })),
        ),
    },
    {
      name: 'amaas_queue_depth',
      help: 'Requests waiting for a run.',
      type: 'gauge',
      collect: () =>
        Array.from(sources.served(), ({ model, version, queueDepth }) => ({
          labels: { model, version },
          value: queueDepth,
        })),
    },
    {
      name: 'amaas_model_memory_bytes',
      help: 'Memory a loaded version holds, measured in its own process or while it was tried.',
      type: 'gauge',
      collect: () =>
        Array.from(sources.served()).flatMap(({ model, version, memoryBytes }) =>
          memoryBytes === null ? [] : [{ labels: { model, version }, value: memoryBytes }],
        ),
    },
    countsFamily('amaas_quarantine_verdicts_total', 'New versions tried in quarantine.', 'verdict', sources.verdicts),
    countsFamily('amaas_auth_refusals_total', 'Requests without a usable API key.', 'reason', sources.authRefusals),
    jobsFamily(sources, {
      name: 'amaas_jobs_waiting',
      help: 'Jobs waiting to run, interrupted ones among them.',
      of: ({ waiting }) => waiting,
    }),
    jobsFamily(sources, { name: 'amaas_jobs_running', help: 'Jobs at work.', of: ({ running }) => running }),
    countsFamily('amaas_jobs_attempts_total', 'Attempts of jobs that began.', 'kind', sources.jobAttempts),
    {
      name: 'amaas_jobs_ended_total',
      help: 'Jobs that ended, by kind and how.',
      type: 'counter',
      collect: () =>
        Array.from(sources.endedJobs(), ({ kind, state, count }) => ({ labels: { kind, state }, value: count })),
    },
    gaugeFamily('amaas_batches_open', 'Batches of requests that have not ended.', () => sources.batches()?.open),
    gaugeFamily('amaas_batches_requests_running', 'Requests of batches under way.', () => sources.batches()?.requests),
    countsFamily('amaas_batches_ended_total', 'Batches that ended, by how.', 'state', sources.endedBatches),
  ];
}

function requestSample(
  labels: Readonly<Record<string, string | number>>,
  { protocol, code, count }: RequestCount,
): Sample {
  return { labels: { ...labels, protocol, code }, value: count };
}

function perRecorder(
  sources: MetricSources,
  samplesOf: (recorder: ModelRecorder, labels: Readonly<Record<string, string | number>>) => readonly Sample[],
): readonly Sample[] {
  return Array.from(sources.recorders()).flatMap((recorder) =>
    samplesOf(recorder, { model: recorder.model, version: recorder.version }),
  );
}

function histogramFamily(
  sources: MetricSources,
  options: {
    readonly name: string;
    readonly help: string;
    /** What recorded values are divided by. */
    readonly scale: number;
    /** Whether only models of one kind have it, those that write or those of tensors: others never show it. */
    readonly isOfSome?: true;
    readonly of: (recorder: ModelRecorder) => Histogram;
  },
): Family {
  const { name, help, scale } = options;
  return {
    name,
    help,
    type: 'histogram',
    collect: () =>
      perRecorder(sources, (recorder, labels) => {
        const histogram = options.of(recorder);
        if (options.isOfSome === true && histogram.count === 0) return [];
        const buckets = histogram.cumulative().map((value, index): Sample => {
          const bound = histogram.bounds[index];
          const le = bound === undefined ? '+Inf' : bound / scale;
          return { metricName: `${name}_bucket`, labels: { ...labels, le }, value };
        });
        return [
          ...buckets,
          { metricName: `${name}_sum`, labels, value: histogram.sum / scale },
          { metricName: `${name}_count`, labels, value: histogram.count },
        ];
      }),
  };
}

function countsFamily(
  name: string,
  help: string,
  label: string,
  read: () => Iterable<readonly [string, number]>,
): Family {
  return {
    name,
    help,
    type: 'counter',
    collect: () => Array.from(read(), ([key, value]) => ({ labels: { [label]: key }, value })),
  };
}

/** @param read - undefined where there is nothing to say */
function gaugeFamily(name: string, help: string, read: () => number | undefined): Family {
  return {
    name,
    help,
    type: 'gauge',
    collect() {
      const value = read();
      return value === undefined ? [] : [{ labels: {}, value }];
    },
  };
}

function jobsFamily(
  sources: MetricSources,
  options: { readonly name: string; readonly help: string; readonly of: (jobs: JobGauges) => number },
): Family {
  const { name, help, of } = options;
  return {
    name,
    help,
    type: 'gauge',
    collect: () => {
      const jobs = sources.jobs();
      return jobs === null ? [] : [{ labels: {}, value: of(jobs) }];
    },
  };
}
