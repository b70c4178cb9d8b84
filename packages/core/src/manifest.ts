// The manifest (`amaas.json`) that may lie beside a model file: what the file itself cannot say.
// Only the types live here; reading and checking untrusted JSON is the server's business.
import type { Dim, SignatureMethod } from './signature.ts';
import type { DType } from './dtype.ts';

/** Where a model runs: a thread of the server, a child process that can be killed, or the server's own thread. */
export type Isolation = 'thread' | 'process' | 'inline';

/** How requests may be joined. */
export interface BatchingManifest {
  /** The axis rows are joined along; only 0 is supported. null: never join. */
  readonly dim?: 0 | null;
  /** Most rows in one run. */
  readonly maxSize?: number;
  /** Longest a request may wait for company, in milliseconds. */
  readonly maxDelayMs?: number;
  /** Row counts the model runs best with; a batch that reaches one is dispatched without waiting on. */
  readonly preferredSizes?: readonly number[];
}

/** One tensor as a manifest declares it; left-out fields are taken from the model file. */
export interface ManifestTensor {
  readonly name: string;
  readonly dtype?: DType;
  readonly shape?: readonly Dim[];
}

export interface ManifestSignature {
  readonly method?: SignatureMethod;
  readonly inputs?: readonly ManifestTensor[];
  readonly outputs?: readonly ManifestTensor[];
}

/** How a picture becomes the tensor of one input. The steps run in the order of the fields. */
export interface ImagePreprocess {
  readonly kind: 'image';
  readonly width: number;
  readonly height: number;
  /** `stretch` ignores the aspect ratio; `letterbox` keeps it and fills the rest with `fill`, picture at the top left. */
  readonly fit: 'stretch' | 'letterbox';
  /** 0–255, for `letterbox`. */
  readonly fill?: number;
  /** 0–255: the grey that transparent parts are laid over; without it transparency is dropped and hidden colours show. */
  readonly background?: number;
  readonly channels: 'rgb' | 'bgr' | 'gray';
  /** value = (pixel − mean) / std, per channel, in 0–255 units; default mean 0, std 1. */
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
  readonly layout: 'nchw' | 'nhwc';
}

/** How many things a model may use and for how long. */
export interface LimitsManifest {
  /** Longest a single run may take before it counts as hung, in milliseconds. */
  readonly maxRunMs?: number;
  /** Most requests waiting. */
  readonly maxQueueSize?: number;
  /** Most resident memory loading and warming may take, in bytes. */
  readonly maxMemoryBytes?: number;
}

/** What the engine is given per session. */
export interface ResourcesManifest {
  /** Threads within one operator; default chosen from the machine and the instance count. */
  readonly intraOpThreads?: number;
  readonly interOpThreads?: number;
  /** ONNX Runtime execution providers in order of preference; default `["cpu"]`. */
  readonly executionProviders?: readonly string[];
}

/** Contents of `amaas.json`, every field optional. */
export interface Manifest {
  readonly schemaVersion?: 1;
  readonly description?: string;
  readonly task?: string;
  readonly signatures?: Readonly<Record<string, ManifestSignature>>;
  readonly batching?: BatchingManifest;
  /** Sessions side by side. */
  readonly instances?: number;
  readonly isolation?: Isolation;
  /** Class names by index: a list, or the name of a text file beside the model with one per line. */
  readonly labels?: readonly string[] | string;
  /** Per input name. */
  readonly preprocess?: Readonly<Record<string, ImagePreprocess>>;
  readonly limits?: LimitsManifest;
  readonly resources?: ResourcesManifest;
  readonly licence?: string;
  readonly source?: string;
  /** File name of an example beside the model: an OIP JSON request, or a picture where `preprocess` says how to take it. */
  readonly example?: string;
}
