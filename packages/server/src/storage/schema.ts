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

/** Every table. */
export interface Schema {
  readonly models: ModelsTable;
  readonly version_counters: VersionCountersTable;
  readonly versions: VersionsTable;
  readonly labels: LabelsTable;
  readonly verdicts: VerdictsTable;
  readonly keys: KeysTable;
  readonly settings: SettingsTable;
}
