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

/** How texts become the ids of one input `[N, T]`: a text is a row. */
export interface TextPreprocess {
  readonly kind: 'tokens';
  /** Name of a tokenizer.json beside the model. */
  readonly tokenizer: string;
  /** Whether a row is two texts, as for question and answer; default false. */
  readonly pair?: boolean;
  /** Tokens of a row at most, special ones included; default the graph's T, needed where that is free. */
  readonly maxTokens?: number;
  /**
   * `fixed`: all rows are filled up to the graph's T, or to `maxTokens` where that is free. `longest`: to the longest of the
   * request, which takes a `mask`. `exact`: none is filled up; texts of different lengths run apart. Default: `fixed` where
   * the graph fixes T, else `longest` with a mask and `exact` without.
   */
  readonly length?: 'fixed' | 'longest' | 'exact';
  /** The id that rows are filled up with; default what the tokenizer.json pads with, needed where that says nothing. */
  readonly padding?: number;
  /** What happens to texts of more tokens: which side is cut off, or `refuse`, the default. */
  readonly truncate?: 'end' | 'start' | 'refuse';
  /** Whether the tokenizer's own tokens are put around a text; default true. */
  readonly addSpecialTokens?: boolean;
  /** The input that gets 1 for tokens and 0 for what rows are filled up with. */
  readonly mask?: string;
  /** The input that tells the texts of a pair apart. */
  readonly typeIds?: string;
}

/** How what is sent becomes the tensor of one input. */
export type Preprocess = ImagePreprocess | TextPreprocess;

/** How the ids of one output `[…, T]` become texts `[…]`. */
export interface TextPostprocess {
  readonly kind: 'text';
  /** Name of a tokenizer.json beside the model. */
  readonly tokenizer: string;
  /** Whether special tokens are left out of the text; default true. */
  readonly skipSpecialTokens?: boolean;
  /** Tokens that end a text: the first of them and what follows are left out. */
  readonly endTokens?: readonly string[];
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

/** How a language model is run and asked; left-out fields come from the model file, the machine, or the request. */
export interface LanguageManifest {
  /** Name of a Jinja file beside the model, in place of the template in the model file. */
  readonly chatTemplate?: string;
  /** Tokens one sequence may hold, prompt and answer together. */
  readonly contextTokens?: number;
  /** Sequences at once. */
  readonly parallel?: number;
  readonly threads?: number;
  /** Tokens of an answer at most, where the request does not say. */
  readonly maxTokens?: number;
  /** Where the request does not say. */
  readonly sampling?: {
    readonly temperature?: number;
    readonly topK?: number;
    readonly topP?: number;
    readonly minP?: number;
    readonly repeatPenalty?: number;
  };
  /** Texts that end every answer, besides those of the request. */
  readonly stop?: readonly string[];
  /** How long the model stays in memory after its last request, in milliseconds; null: until it is pushed out. */
  readonly keepAliveMs?: number | null;
  /** LoRA adapters: files beside the model by the name requests ask for them. */
  readonly adapters?: Readonly<Record<string, string>>;
  /** `llama-server`: the binary of that name on this machine; default llama.cpp inside amaas. */
  readonly engine?: 'llama.cpp' | 'llama-server';
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
  readonly preprocess?: Readonly<Record<string, Preprocess>>;
  /** Per output name. */
  readonly postprocess?: Readonly<Record<string, TextPostprocess>>;
  /** For language models. */
  readonly language?: LanguageManifest;
  readonly limits?: LimitsManifest;
  readonly resources?: ResourcesManifest;
  readonly licence?: string;
  readonly source?: string;
  /** File name of an example beside the model: an OIP JSON request, or a picture where `preprocess` says how to take it. */
  readonly example?: string;
}
