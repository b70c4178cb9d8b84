// The tables as Kysely sees them; the migrations create exactly this. JSON is text, times are ISO 8601 text in UTC,
// integers are bigint columns read back as JavaScript numbers, so that SQLite and PostgreSQL hold the same values.

/** The databases the schema runs on. */
export type DialectName = 'sqlite' | 'postgres';

/** One row per model name. */
export interface ModelsTable {
  readonly name: string;
  /** `folder`, `api` or `bundled`. */
  readonly owner: string;
  /** JSON of a version policy. */
  readonly policy: string;
  readonly created_at: string;
}

/** The greatest version number a name ever had; outlives versions and models, so that no number is assigned twice. */
export interface VersionCountersTable {
  readonly model: string;
  readonly last_version: number;
}

/** One row per version; never updated. */
export interface VersionsTable {
  readonly model: string;
  readonly version: number;
  /** Digest of the tree of files, `sha256:<hex>`. */
  readonly digest: string;
  readonly format: string;
  readonly size_bytes: number;
  /** JSON list of `[name, signature]`. */
  readonly signatures: string;
  /** JSON of the manifest as registered. */
  readonly manifest: string;
  /** JSON of where the version comes from. */
  readonly lineage: string;
  /** JSON list of `{path, digest, sizeBytes}`. */
  readonly files: string;
  readonly created_at: string;
}

/** Movable pointers from a name to a version. */
export interface LabelsTable {
  readonly model: string;
  readonly label: string;
  readonly version: number;
  readonly updated_at: string;
}

/** Answers kept so that a conversation can go on. */
export interface ResponsesTable {
  readonly id: string;
  /** Id of a key; empty where there are none. */
  readonly owner: string;
  /** JSON. */
  readonly response: string;
  /** JSON list of items. */
  readonly input: string;
  /** JSON list of messages. */
  readonly conversation: string;
  readonly created_at: string;
}

/** What quarantine found out, so that a restart does not repeat it. */
export interface VerdictsTable {
  readonly digest: string;
  readonly engine: string;
  readonly engine_version: string;
  readonly machine: string;
  readonly options_digest: string;
  /** JSON. */
  readonly verdict: string;
  readonly created_at: string;
}

/** API keys; the key itself is never stored. */
export interface KeysTable {
  readonly id: string;
  readonly name: string;
  readonly hash: string;
  /** First characters of the key, for people to tell keys apart. */
  readonly prefix: string;
  /** JSON list of scopes. */
  readonly scopes: string;
  /** JSON list of model patterns. */
  readonly models: string;
  readonly created_at: string;
  readonly expires_at: string | null;
  readonly revoked_at: string | null;
}

/** Single values that belong to the data directory. */
export interface SettingsTable {
  readonly key: string;
  readonly value: string;
}

/** The greatest version number a dataset ever had, as {@link VersionCountersTable}. */
export interface DatasetCountersTable {
  readonly dataset: string;
  readonly last_version: number;
}

/** One row per version of a dataset; only the summary is ever updated. */
export interface DatasetsTable {
  readonly name: string;
  readonly version: number;
  /** Of the file, `sha256:<hex>`. */
  readonly digest: string;
  readonly size_bytes: number;
  readonly media_type: string;
  readonly file_name: string | null;
  /** JSON of what somebody found out about its columns. */
  readonly summary: string | null;
  readonly created_at: string;
  readonly created_by: string;
}

/** One row per training (or tuning, or evaluation). */
export interface RunsTable {
  readonly id: string;
  readonly kind: string;
  /** `running`, `succeeded`, `failed` or `cancelled`. */
  readonly state: string;
  /** The job that did it; its row goes earlier than the run's. */
  readonly job: string | null;
  /** The model it makes a version for. */
  readonly model: string | null;
  /** The version it made. */
  readonly version: number | null;
  /** JSON. */
  readonly configuration: string;
  readonly code_version: string;
  readonly seed: number | null;
  /** JSON list of `[name, number]`. */
  readonly metrics: string;
  /** JSON of what it went on from. */
  readonly parent: string | null;
  /** JSON list of `{name, mediaType, digest, sizeBytes}`. */
  readonly files: string;
  /** JSON of why it failed. */
  readonly error: string | null;
  readonly created_at: string;
  readonly ended_at: string | null;
  readonly created_by: string;
}

/** Which datasets a run read; the digest outlives the dataset. */
export interface RunDatasetsTable {
  readonly run: string;
  /** What for: `train`, `validation`, `test` … */
  readonly role: string;
  readonly dataset: string;
  readonly version: number;
  readonly digest: string;
}

/** The queue of jobs, and what became of those that ended. */
export interface JobsTable {
  readonly id: string;
  /** Grows with each job submitted: the order among equal priorities. */
  readonly sequence: number;
  readonly kind: string;
  /** `queued`, `running`, `cancelling`, `interrupted`, `succeeded`, `failed` or `cancelled`. */
  readonly state: string;
  readonly priority: number;
  /** The model it makes a version for. */
  readonly model: string | null;
  /** JSON. */
  readonly configuration: string;
  /** How often it was started. */
  readonly attempt: number;
  /** How often it ended without a word. */
  readonly crashes: number;
  /** JSON of the last progress, as of its last change of state. */
  readonly progress: string | null;
  /** JSON. */
  readonly result: string | null;
  /** JSON. */
  readonly error: string | null;
  readonly created_at: string;
  readonly started_at: string | null;
  readonly ended_at: string | null;
  readonly created_by: string;
}

/** Files that callers uploaded, and those that batches wrote. */
export interface FilesTable {
  readonly id: string;
  /** Grows with each file: the order of lists. */
  readonly sequence: number;
  /** Id of the key that brought it; null where there was none. */
  readonly owner: string | null;
  readonly purpose: string;
  readonly file_name: string;
  readonly digest: string;
  readonly size_bytes: number;
  readonly created_at: string;
  readonly expires_at: string | null;
}

/** States of batches that still need their input. */
export const OPEN_BATCHES = ['validating', 'in_progress', 'finalizing', 'cancelling'];

/** Batches of requests. */
export interface BatchesTable {
  readonly id: string;
  /** Grows with each batch: the order of lists. */
  readonly sequence: number;
  /** Id of the key its requests are made with; null where there was none. */
  readonly owner: string | null;
  readonly state: string;
  /** The model its requests name. */
  readonly model: string | null;
  readonly input_file: string;
  readonly input_digest: string;
  readonly input_bytes: number;
  readonly output_file: string | null;
  readonly error_file: string | null;
  /** JSON of what was ordered. */
  readonly request: string;
  /** JSON of times, counts, problems and usage, as of its last change of state. */
  readonly progress: string;
  readonly created_at: string;
  readonly expires_at: string;
}

/** Language models that go on learning, and what became of those that have ended. */
export interface FineTuningsTable {
  readonly id: string;
  /** Grows with each: the order of lists. */
  readonly sequence: number;
  /** Id of the key that asked for it; null where there was none. */
  readonly owner: string | null;
  /** What the result is called. */
  readonly model: string;
  /** JSON of what was asked for, and what it was resolved to. */
  readonly request: string;
  /** JSON of what its owner wants of it now, and of the job that works on it. */
  readonly progress: string;
  /** JSON of how it ended; null before. */
  readonly ending: string | null;
  /** JSON of its epochs and events; null before it has ended: until then they are in its folder. */
  readonly history: string | null;
  readonly created_at: string;
  readonly created_by: string;
}

/** Every table. */
export interface Schema {
  readonly models: ModelsTable;
  readonly version_counters: VersionCountersTable;
  readonly versions: VersionsTable;
  readonly labels: LabelsTable;
  readonly verdicts: VerdictsTable;
  readonly responses: ResponsesTable;
  readonly keys: KeysTable;
  readonly settings: SettingsTable;
  readonly dataset_counters: DatasetCountersTable;
  readonly datasets: DatasetsTable;
  readonly runs: RunsTable;
  readonly run_datasets: RunDatasetsTable;
  readonly jobs: JobsTable;
  readonly files: FilesTable;
  readonly batches: BatchesTable;
  readonly fine_tunings: FineTuningsTable;
}
