// Every setting of the server, once: type, bounds and why, default and why, description. Flags, environment names,
// the checks and the documentation are derived from this table. It knows nothing of where values come from.
import Type, { type Static, type TSchemaOptions } from 'typebox';

/**
 * What the table says about a setting beyond JSON Schema's own keywords.
 * An alias, not an interface: only aliases fit TypeBox's options, which allow any further property.
 */
export type SettingOptions = {
  /** What the setting does and why its default is what it is. */
  readonly description: string;
  /** What is allowed, in words; integers, choices and switches describe themselves. */
  readonly allowed?: string;
  /** Why the bounds lie where they lie. */
  readonly bounds?: string;
  /** Never shown in messages, logs or documentation. */
  readonly secret?: true;
  /** The default in words, where it is computed. */
  readonly defaultText?: string;
};

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;
const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

/** `setTimeout` runs at once when its delay does not fit 31 bits. */
const MAX_TIMER_MS = 2 ** 31 - 1;

type IntegerOptions = SettingOptions & {
  readonly minimum: number;
  readonly maximum: number;
  readonly default: number;
  readonly bounds: string;
};

function integer(options: IntegerOptions) {
  return Type.Integer(options);
}

function text(options: SettingOptions & { readonly pattern: string; readonly default?: string }) {
  return Type.String(options);
}

function onOff(options: SettingOptions & { readonly default: boolean }) {
  return Type.Boolean(options);
}

function choice<Value extends string>(
  values: readonly [Value, ...Value[]],
  options: SettingOptions & { readonly default: Value },
) {
  return Type.Enum<Value[]>(values, options);
}

/** The one schema of the configuration. */
export const CONFIG_SCHEMA = Type.Object(
  {
    // Where the server listens
    host: text({
      default: '127.0.0.1',
      pattern: '^[A-Za-z0-9.:_%\\-]{1,255}$',
      allowed: 'a host name or an IP address',
      description: 'Address to listen on. Loopback by default, so that nothing is reachable from outside unasked.',
    }),
    port: integer({
      default: 8080,
      minimum: 0,
      maximum: 65535,
      bounds: '16 bits in TCP; 0 takes any free port',
      description: 'Port of every HTTP protocol and the docs.',
    }),
    grpcPort: integer({
      default: 8081,
      minimum: 0,
      maximum: 65535,
      bounds: '16 bits in TCP; 0 takes any free port',
      description: 'Port of gRPC. Accepted and not used yet.',
    }),
    tlsCert: Type.Optional(
      text({
        pattern: '^[^\\u0000]{1,4096}$',
        allowed: 'the path of a PEM file with the certificate chain, together with tlsKey',
        description: 'Certificate chain for HTTPS. Plain HTTP without it.',
      }),
    ),
    tlsKey: Type.Optional(
      text({
        pattern: '^[^\\u0000]{1,4096}$',
        allowed: 'the path of a PEM file with the private key, together with tlsCert',
        description: 'Private key for HTTPS.',
      }),
    ),
    corsOrigins: Type.Array(Type.String({ pattern: '^(\\*|https?://[A-Za-z0-9.\\-\\[\\]:]{1,255})$' }), {
      default: [],
      maxItems: 100,
      allowed: 'origins such as https://app.example.com (no path), or *',
      bounds: 'each request with an Origin header is compared with all of them',
      description:
        'Browser origins that may call the server. None by default: web pages elsewhere have no business here.',
    } satisfies SettingOptions & TSchemaOptions),

    // Where things are kept
    dataDir: text({
      default: './.amaas',
      pattern: '^[^\\u0000]{1,4096}$',
      allowed: 'the path of a folder',
      description: 'Folder for the database and the model files; one server at a time owns it.',
    }),
    modelsDir: text({
      defaultText: '<dataDir>/models',
      pattern: '^[^\\u0000]{1,4096}$',
      allowed: 'the path of a folder',
      description: 'Watched folder: `<name>/<version>/model.onnx` or `<name>.onnx`; language models with `.gguf`.',
    }),
    databaseUrl: Type.Optional(
      text({
        secret: true,
        pattern: '^postgres(ql)?://[^\\s]{1,4000}$',
        allowed: 'a URL that starts with postgres:// or postgresql://',
        description: 'PostgreSQL instead of the embedded SQLite.',
      }),
    ),
    blobUrl: Type.Optional(
      text({
        secret: true,
        pattern: '^s3://[^\\s]{1,4000}$',
        allowed: 'nothing yet: this release keeps model files in the data directory',
        description: 'S3-compatible store instead of files. Not supported yet, so refused.',
      }),
    ),
    natsUrl: Type.Optional(
      text({
        secret: true,
        pattern: '^(nats|tls|wss?)://[^\\s]{1,4000}$',
        allowed: 'nothing yet: this release runs as a single server',
        description: 'NATS servers of a cluster. Not supported yet, so refused.',
      }),
    ),

    // Who may call
    auth: choice(['required', 'off'], {
      default: 'required',
      description: 'Whether requests need an API key. `off` (or --no-auth) only on a loopback host.',
    }),
    adminKey: Type.Optional(
      text({
        secret: true,
        // Characters a Bearer token may have (RFC 6750 §2.1 b64token); keys are stored by a fast hash, so short ones could be guessed from a copy of the database.
        pattern: '^[A-Za-z0-9._~+/\\-]{20,256}=*$',
        allowed: '20 to 256 characters out of letters, digits and . _ ~ + / -',
        bounds: 'long enough not to be guessed, short enough for a header',
        description: 'The admin key. Without it one is generated on the first start and shown once.',
      }),
    ),

    // What a request may cost
    maxRequestBytes: integer({
      default: 64 * MIB,
      minimum: KIB,
      maximum: 2 * GIB - 1,
      bounds: 'below 1 KiB no request fits; a tensor in ONNX is limited to 2 GiB as well',
      description:
        'Largest request body after decompression. 64 MiB is what Triton accepts, so its clients find no difference.',
    }),
    headersTimeoutMs: integer({
      default: 10 * SECOND_MS,
      minimum: 100,
      maximum: HOUR_MS,
      bounds: 'shorter loses honest clients on slow links, longer lets slow-loris clients hold sockets',
      description: 'Longest the header of a request may take to arrive.',
    }),
    requestTimeoutMs: integer({
      default: 2 * MINUTE_MS,
      minimum: 100,
      maximum: 24 * HOUR_MS,
      bounds: 'a day covers any upload worth waiting for',
      description: 'Longest a whole inference request may take to arrive. 64 MiB pass in that time at 4.5 Mbit/s.',
    }),
    idleTimeoutMs: integer({
      default: 75 * SECOND_MS,
      minimum: 1 * SECOND_MS,
      maximum: 24 * HOUR_MS,
      bounds: 'under a second keep-alive is of no use',
      description:
        'How long an idle connection is kept. Longer than the 60 s of common load balancers, so that they close first.',
    }),
    codecWorkerMinBytes: integer({
      default: 256 * KIB,
      minimum: 0,
      maximum: 2 * GIB - 1,
      bounds: '0 sends every body, the largest request size none',
      description:
        'JSON bodies from this size on are read and written in a worker thread, so that they do not hold up others. 256 KiB take a few milliseconds.',
    }),

    // What a model may cost
    defaultMaxRunMs: integer({
      default: 30 * SECOND_MS,
      minimum: 10,
      maximum: 24 * HOUR_MS,
      bounds: 'under 10 ms a busy machine would look like a hung model',
      description: 'Longest a run may take before it counts as hung, for models whose manifest says nothing.',
    }),
    defaultMaxQueueSize: integer({
      default: 1024,
      minimum: 1,
      maximum: 1_000_000,
      bounds: 'every waiting request holds its tensors in memory',
      description: 'Most requests waiting for a model whose manifest says nothing; further ones are refused at once.',
    }),
    maxModelBytes: integer({
      default: 64 * GIB,
      minimum: KIB,
      maximum: 1024 * GIB,
      bounds: 'no useful model is smaller than 1 KiB, no single machine loads more than 1 TiB',
      description: 'Largest model (all its files together) that can be deployed.',
    }),
    maxDatasetBytes: integer({
      default: 16 * GIB,
      minimum: KIB,
      maximum: 1024 * GIB,
      bounds: 'as for maxModelBytes',
      description: 'Largest dataset that can be uploaded.',
    }),
    maxConcurrentJobs: integer({
      default: 1,
      minimum: 1,
      maximum: 64,
      bounds: 'each job is a process that takes all the cores it can get',
      description: 'Most jobs (trainings and the like) that run at the same time; further ones wait. One is fastest.',
    }),
    languageMemoryBytes: integer({
      default: 0,
      minimum: 0,
      maximum: 64 * 1024 * GIB,
      bounds: '0 decides by the machine',
      defaultText: 'half of the memory of the machine',
      description:
        'Most memory language models take together; those idle for longest leave when another needs room. The other half is for everything else.',
    }),
    languageKeepAliveMs: integer({
      default: 5 * MINUTE_MS,
      minimum: 0,
      maximum: MAX_TIMER_MS,
      bounds: '0 unloads at once; the most is the longest timer Node has',
      description:
        'How long a language model stays in memory after its last request, unless the request or the manifest says. As with Ollama, whose clients count on it.',
    }),
    languageLoadTimeoutMs: integer({
      default: 10 * MINUTE_MS,
      minimum: 100,
      maximum: 24 * HOUR_MS,
      bounds: 'starting the child process alone takes tens of milliseconds',
      description: 'Longest a language model may take to load. 60 GiB pass in that time at 100 MiB/s.',
    }),
    llamaServerPath: Type.Optional(
      text({
        defaultText: '`llama-server` on the PATH',
        pattern: '^[^\\u0000]{1,4096}$',
        allowed: 'the path of a program',
        description: 'The llama-server of models whose manifest names it as their `language.engine`.',
      }),
    ),
    maxModelMemoryBytes: integer({
      default: 4 * GIB,
      minimum: MIB,
      maximum: 1024 * GIB,
      bounds: 'a session alone takes more than 1 MiB',
      description: 'Most memory a model may take while it is loaded and tried; its manifest may say less.',
    }),
    probeTimeoutMs: integer({
      default: 2 * MINUTE_MS,
      minimum: 100,
      maximum: 24 * HOUR_MS,
      bounds: 'starting the child process alone takes tens of milliseconds',
      description:
        'Longest a new version may take in quarantine: loading, warming and the proof that batching is sound.',
    }),
    rescanIntervalMs: integer({
      default: 10 * SECOND_MS,
      minimum: 50,
      maximum: 24 * HOUR_MS,
      bounds: 'a scan reads the whole folder tree',
      description:
        'How often the watched folder is scanned besides its file events, which network file systems do not send.',
    }),
    bundledModels: onOff({
      default: true,
      description: 'Whether the small bundled models are imported on start.',
    }),

    // Models fetched from URLs
    allowPrivateUrls: onOff({
      default: false,
      description:
        'Whether `deploy <url>` may reach private, loopback and other internal addresses. Off: the server must not become a way into the network it stands in.',
    }),
    urlMaxBytes: integer({
      default: 64 * GIB,
      minimum: KIB,
      maximum: 1024 * GIB,
      bounds: 'as for maxModelBytes',
      description: 'Largest file fetched from a URL.',
    }),
    urlTimeoutMs: integer({
      default: 15 * MINUTE_MS,
      minimum: 100,
      maximum: 24 * HOUR_MS,
      bounds: 'a day covers any download worth waiting for',
      description: 'Longest a fetch may take in all. 4 GiB pass in that time at 40 Mbit/s.',
    }),
    urlStallTimeoutMs: integer({
      default: 30 * SECOND_MS,
      minimum: 100,
      maximum: HOUR_MS,
      bounds: 'shorter gives up on servers that only pause',
      description: 'Longest a fetch may go without receiving a byte.',
    }),

    // Models pulled from a hub
    hubUrl: text({
      default: 'https://huggingface.co',
      pattern: '^https?://[^\\s/?#@]{1,255}(/[^\\s?#@]{0,255})?$',
      allowed: 'an http:// or https:// address without a user, a query and a fragment',
      description: 'Where models are pulled from: Hugging Face or a mirror that speaks its protocol.',
    }),
    hubToken: Type.Optional(
      text({
        secret: true,
        pattern: '^[A-Za-z0-9._~+/\\-]{1,512}=*$',
        allowed: 'letters, digits and . _ ~ + / -, as a Bearer token has them',
        description:
          'Token for private and gated repositories of the hub. Sent to the host of hubUrl and to no other. Without it only what is public can be pulled.',
      }),
    ),
    offline: onOff({
      default: false,
      description: 'Whether the hub is never asked: a pull then succeeds only with files that are here already.',
    }),

    // Running
    logLevel: choice(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], {
      default: 'info',
      description: 'Least severe messages that are logged.',
    }),
    drainTimeoutMs: integer({
      default: 25 * SECOND_MS,
      minimum: 0,
      maximum: MAX_TIMER_MS,
      bounds: '0 waits for nothing; the most is the longest timer Node has',
      description:
        'How long requests under way may take to finish after SIGTERM. Less than the 30 s Kubernetes waits before SIGKILL.',
    }),
  },
  { additionalProperties: false },
);

/** The checked configuration; paths are absolute. Frozen. */
export type Config = Readonly<Omit<Static<typeof CONFIG_SCHEMA>, 'corsOrigins'>> & {
  readonly corsOrigins: readonly string[];
};

/** The name of a setting. */
export type ConfigKey = keyof typeof CONFIG_SCHEMA.properties;

/** A setting of the table with everything it says about itself. */
export interface Setting extends SettingOptions {
  readonly type?: 'integer' | 'string' | 'boolean' | 'array';
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly default?: unknown;
}

/** The settings by name, in the order of the table. */
export const SETTINGS: ReadonlyMap<ConfigKey, Setting> = new Map(
  // TypeBox's types hide the options; each property was made by a function above (or is the array), which takes a Setting's.
  Object.entries(CONFIG_SCHEMA.properties) as unknown as [ConfigKey, Setting][],
);
