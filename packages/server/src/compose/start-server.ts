// The composition root: builds every object of the server, in order, and takes them down in reverse. Nothing else reads
// the environment or knows which implementation stands behind a port.
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { AmaasError, type Clock, type Engine, systemClock } from '@amaas/core';
import { createOrtEngine } from '@amaas/engine-ort-node';
import { Admission, FolderSync } from '../admission/index.ts';
import { ArtifactTrees, FileBlobStore } from '../artifacts/index.ts';
import { type Batches, Files } from '../batches/index.ts';
import { CodecPool } from '../codec/index.ts';
import { type Config, loadConfig, type LoadConfigOptions } from '../config/index.ts';
import { DataPlane, LanguageLoader } from '../dataplane/index.ts';
import { createSqlKeyStore, fetchUrl, Gateway } from '../gateway/index.ts';
import { createRoutes, listen, type Listener, LocalCalls, RequestsUnderWay } from '../http/index.ts';
import type { Jobs } from '../jobs/index.ts';
import { createLogger, type LogDestination, type Logger, Metrics, type ModelRecorder } from '../monitoring/index.ts';
import { FolderWatcher, type KnownVersion, Registry } from '../registry/index.ts';
import { ResponseStore } from '../responses/index.ts';
import { dataDirLayout, lockDataDir, openDatabase } from '../storage/index.ts';
import { createBatches, createRunLine } from './create-batches.ts';
import { createFineTunings } from './create-fine-tunings.ts';
import { createJobs } from './create-jobs.ts';
import { SERVER_NAME, SERVER_VERSION } from './identity.ts';
import type { JobKindFactory } from './job-kinds.ts';
import { createPuller } from './create-puller.ts';
import { createLanguages } from './languages.ts';
import { createPicturePreparer } from './pictures.ts';
import { createStatus } from './status.ts';
import { createTexts } from './texts.ts';
import { createTrainingKinds } from './training-kind.ts';

export interface StartOptions extends LoadConfigOptions {
  /** Called once with the new admin key, when one was made: its only copy. */
  readonly onAdminKey?: (key: string) => void;
  /** One-liners for people instead of JSON lines. */
  readonly prettyLog?: boolean;
  /** Where log lines go; default standard output. */
  readonly logDestination?: LogDestination;
  /** Folder of the bundled models; default the one of this checkout. */
  readonly bundledModelsDir?: string;
  /** Kinds of jobs besides amaas's own. */
  readonly jobKinds?: JobKindFactory;
}

export interface RunningServer {
  readonly url: string;
  readonly config: Config;
  /** Settles when every model known at the start has been dealt with. */
  readonly ready: Promise<void>;
  /** READY versions, `name@version`. */
  readyModels(): readonly string[];
  /** Refuses new work, finishes what is under way, and gives everything back. Idempotent. */
  stop(): Promise<void>;
  /** Whether a run hangs in this very process, which SIGKILL alone can end then: a regular exit would wait for it. */
  hasStuckRuns(): boolean;
}

const BUNDLED_MODELS_DIR = join(import.meta.dirname, '..', '..', '..', '..', 'models');

/**
 * Starts a server.
 * @throws INVALID_CONFIG, DATA_DIR_LOCKED, SCHEMA_TOO_NEW.
 */
export async function startServer(options: StartOptions): Promise<RunningServer> {
  const config = await loadConfig(options);
  const takeDown = new TakeDown();
  try {
    return await build(config, options, takeDown);
  } catch (thrown) {
    await takeDown.run();
    throw thrown;
  }
}

async function build(config: Config, options: StartOptions, takeDown: TakeDown): Promise<RunningServer> {
  const clock: Clock = systemClock;
  const logger = createLogger({
    level: config.logLevel,
    pretty: options.prettyLog ?? false,
    secrets: [config.adminKey ?? '', config.databaseUrl ?? '', config.hubToken ?? ''],
    ...(options.logDestination === undefined ? {} : { destination: options.logDestination }),
  });
  const layout = dataDirLayout(config.dataDir);
  const lock = lockDataDir(config.dataDir, clock);
  takeDown.add('data directory lock', () => lock.release());
  const database = await openDatabase({
    ...(config.databaseUrl === undefined ? {} : { url: config.databaseUrl }),
    path: layout.databasePath,
  });
  takeDown.add('database', () => database.close());

  const blobs = new FileBlobStore(layout.artifactsDirectory, clock);
  const trees = new ArtifactTrees(join(layout.artifactsDirectory, 'trees'), blobs);
  await Promise.all([blobs.sweepTemporary(), trees.sweepTemporary()]);
  const registry = new Registry({
    database,
    blobs,
    trees,
    clock,
    onListenerError: (err) => logger.error({ err }, 'a listener of the registry failed'),
  });

  const serving: { dataPlane?: DataPlane<ModelRecorder>; jobs?: Jobs; batches?: Batches } = {};
  const metrics = new Metrics({
    served: () => serving.dataPlane?.gauges() ?? [],
    jobs: () => serving.jobs?.counts ?? null,
    batches: () => serving.batches?.counts ?? null,
  });
  const gateway = await Gateway.open({
    store: createSqlKeyStore(database),
    auth: config.auth,
    onRefused: (reason) => metrics.recordAuthRefusal(reason),
  });
  const adminKey = config.auth === 'off' ? undefined : await gateway.ensureAdminKey({ configured: config.adminKey });
  if (adminKey !== undefined) options.onAdminKey?.(adminKey);

  const engine = createOrtEngine();
  takeDown.add('engine', () => engine.dispose());
  const languages = createLanguages(config);
  takeDown.add('language models', () => languages.dispose());
  const texts = createTexts(clock);
  takeDown.add('tokenizer threads', () => texts.dispose());
  const admission = new Admission({
    engine,
    language: {
      engineFor: languages.engineFor,
      formats: languages.formats,
      memory: languages.memory,
      maxLoadMs: config.languageLoadTimeoutMs,
    },
    texts,
    registry,
    blobs,
    trees,
    clock,
    limits: {
      timeoutMs: config.probeTimeoutMs,
      maxMemoryBytes: config.maxModelMemoryBytes,
      maxModelBytes: config.maxModelBytes,
    },
    onVerdict: (verdict) => metrics.recordVerdict(verdict),
  });
  const dataPlane = new DataPlane<ModelRecorder>({
    registry,
    provider: admission,
    language: new LanguageLoader({
      provider: admission,
      engineFor: languages.engineFor,
      formats: languages.formats,
      memory: languages.memory,
      clock,
      defaults: {
        maxLoadMs: config.languageLoadTimeoutMs,
        maxQueueSize: config.defaultMaxQueueSize,
        keepAliveMs: config.languageKeepAliveMs,
      },
      onCrash: (model, version, error) =>
        logger.warn({ model, version, err: error.cause }, `${error.message}; another one takes its place`),
    }),
    preparer: createPicturePreparer(clock, config.maxRequestBytes),
    texts,
    clock,
    defaults: {
      maxRunMs: config.defaultMaxRunMs,
      maxQueueSize: config.defaultMaxQueueSize,
      cores: availableParallelism(),
    },
    createRecorder: (model, version) => metrics.forModel(model, version),
    onFailure: (model, version, error) => logger.error({ model, version, err: error }, 'a version could not be loaded'),
  });
  takeDown.add('data plane', () => dataPlane.stop());
  serving.dataPlane = dataPlane; // metrics are made first, because everything else reports to them
  const codec = new CodecPool({
    minBytes: config.codecWorkerMinBytes,
    threads: Math.max(1, Math.min(4, availableParallelism() - 1)),
  });
  takeDown.add('codec threads', () => codec.dispose());
  const kindParts = { registry, blobs, admission, dataPlane, codeVersion: SERVER_VERSION };
  const files = await Files.open({ database, blobs, clock });
  const tuningParts = { ...kindParts, database, directory: layout.fineTuningDirectory, files, clock, logger };
  const fineTunings = await createFineTunings(tuningParts);
  const jobs = await createJobs({
    database,
    directory: layout.jobsDirectory,
    kinds: [...createTrainingKinds(kindParts), fineTunings.kind, ...(options.jobKinds?.(kindParts) ?? [])],
    maxConcurrentJobs: config.maxConcurrentJobs,
    clock,
    metrics,
    logger,
  });
  serving.jobs = jobs;
  fineTunings.attach(jobs);
  const batches = await createBatches({
    database,
    files,
    blobs,
    directory: layout.batchesDirectory,
    clock,
    maxLineBytes: config.maxRequestBytes,
    dataPlane,
    metrics,
    logger,
  });
  serving.batches = batches;

  const loopDelay = monitorEventLoopDelay({ resolution: 10 });
  loopDelay.enable();
  takeDown.add('event loop monitor', () => loopDelay.disable());
  const status = createStatus({
    config,
    engine,
    dataPlane,
    dialect: database.dialect,
    startedAt: clock.wallTime(),
    loopDelay,
  });
  const puller = createPuller({
    config,
    directory: layout.pullsDirectory,
    admission,
    registry,
    blobs,
    settle: (model) => dataPlane.settle(model),
    clock,
    logger,
  });
  const underWay = new RequestsUnderWay();
  const handle = createRoutes({
    limits: {
      maxRequestBytes: config.maxRequestBytes,
      maxModelBytes: config.maxModelBytes,
      maxDatasetBytes: config.maxDatasetBytes,
    },
    corsOrigins: config.corsOrigins,
    gateway,
    registry,
    blobs,
    admission,
    jobs,
    fineTunings,
    puller,
    files,
    batches,
    responses: new ResponseStore(database, clock),
    dataPlane,
    codec,
    metrics,
    logger,
    clock,
    underWay,
    status,
    server: { name: SERVER_NAME, version: SERVER_VERSION },
    fetchUrl: (url, signal) =>
      fetchUrl(
        url,
        {
          allowPrivate: config.allowPrivateUrls,
          maxBytes: config.urlMaxBytes,
          timeoutMs: config.urlTimeoutMs,
          stallTimeoutMs: config.urlStallTimeoutMs,
        },
        { signal },
      ),
  });
  const listener = await listen(handle, {
    host: config.host,
    port: config.port,
    tls:
      config.tlsCert === undefined || config.tlsKey === undefined
        ? null
        : { certPath: config.tlsCert, keyPath: config.tlsKey },
    headersTimeoutMs: config.headersTimeoutMs,
    requestTimeoutMs: config.requestTimeoutMs,
    idleTimeoutMs: config.idleTimeoutMs,
  });
  // At the same time: those who follow a job keep their connections open until it stops.
  const sayGoodbye = (): void =>
    underWay.cutShort(new AmaasError('SHUTTING_DOWN', 'the server is ending; try again in a moment'));
  takeDown.add('listener, jobs, batches and pulls', () =>
    Promise.all([listener.close(config.drainTimeoutMs, sayGoodbye), jobs.stop(), batches.stop(), puller.stop()]),
  );
  logger.info({ url: listener.url, dataDir: config.dataDir, modelsDir: config.modelsDir }, 'listening');

  const sync = createFolderSync({ admission, registry, blobs, dataPlane, logger, config });
  const startWork = (): void => {
    jobs.start();
    void fineTunings.start();
    batches.start(createRunLine({ calls: new LocalCalls(handle), gateway, clock }));
  };
  const ready = bringUp({ config, options, dataPlane, sync, logger, registry, takeDown, clock, startWork });
  return describeRunning({ listener, config, ready, dataPlane, engine, takeDown });
}

function createFolderSync(parts: {
  readonly admission: Admission;
  readonly registry: Registry;
  readonly blobs: FileBlobStore;
  readonly dataPlane: DataPlane<ModelRecorder>;
  readonly logger: Logger;
  readonly config: Config;
}): FolderSync {
  const { admission, registry, blobs, dataPlane, logger, config } = parts;
  return new FolderSync({
    admission,
    registry,
    blobs,
    maxModelBytes: config.maxModelBytes,
    onAdmitted: (model, version, origin) => logger.info({ model, version, origin }, 'a version was admitted'),
    onRejected(model, version, error: AmaasError) {
      const { reason, cause } = error;
      const err = error.code === 'INTERNAL' ? { err: cause ?? error } : {};
      logger.warn({ model, version, reason, ...err }, `a version was refused: ${error.publicMessage}`);
      if (version !== null) dataPlane.noteRejected(model, version, error.publicMessage);
    },
    onRemoved: (model, version) => dataPlane.forgetRejected(model, version),
  });
}

/** Loads what is registered, imports the bundled models, and starts to follow the models folder. */
async function bringUp(parts: {
  readonly config: Config;
  readonly options: StartOptions;
  readonly dataPlane: DataPlane<ModelRecorder>;
  readonly sync: FolderSync;
  readonly logger: Logger;
  readonly registry: Registry;
  readonly takeDown: TakeDown;
  readonly clock: Clock;
  /** Begins what is done while nobody waits. */
  readonly startWork: () => void;
}): Promise<void> {
  const { config, options, dataPlane, sync, logger, registry, takeDown, clock, startWork } = parts;
  try {
    await dataPlane.start();
    if (config.bundledModels) await sync.importBundled(options.bundledModelsDir ?? BUNDLED_MODELS_DIR);
    if (takeDown.hasBegun) return;
    const watcher = new FolderWatcher({
      directory: config.modelsDir,
      rescanIntervalMs: config.rescanIntervalMs,
      clock,
      onCandidate: (candidate, signal) => sync.take(candidate, 'folder', signal),
      onRemoved: (model, version) => sync.remove(model, version),
      known: await folderVersions(parts.registry),
      onProblem: (candidate) => sync.refuse(candidate),
      onError: (error) => logger.error({ err: error }, 'the models folder could not be scanned'),
    });
    takeDown.add('folder watcher', () => watcher.stop());
    await watcher.start();
    await dataPlane.settleAll();
    takeDown.add('garbage collection', collectGarbageRegularly(registry, logger));
  } catch (thrown) {
    logger.error({ err: thrown }, 'bringing up the models failed');
  }
  dataPlane.markReady();
  logger.info({ models: dataPlane.readyModels().length }, 'ready');
  startWork(); // not before: loading the models comes first
}

function describeRunning(parts: {
  readonly listener: Listener;
  readonly config: Config;
  readonly ready: Promise<void>;
  readonly dataPlane: DataPlane<ModelRecorder>;
  readonly engine: Engine;
  readonly takeDown: TakeDown;
}): RunningServer {
  const { listener, config, ready, dataPlane, engine, takeDown } = parts;
  return {
    url: listener.url,
    config,
    ready,
    readyModels: () => dataPlane.readyModels(),
    stop: () => takeDown.run(),
    hasStuckRuns: () => engine.stuckRuns > 0,
  };
}

/** Removes files no version refers to, now and then; returns how to stop. */
function collectGarbageRegularly(registry: Registry, logger: Logger): () => void {
  const collect = async (): Promise<void> => {
    try {
      const removed = await registry.collectGarbage();
      if (removed.blobs + removed.trees > 0) logger.info(removed, 'removed files of versions that are gone');
    } catch (err) {
      logger.error({ err }, 'collecting unreferenced files failed');
    }
  };
  void collect();
  const timer = setInterval(() => void collect(), GARBAGE_INTERVAL_MS);
  return () => clearInterval(timer);
}

/** Deleted versions may keep their disk space this long; a collection reads the whole artifacts folder. */
const GARBAGE_INTERVAL_MS = 60 * 60 * 1000;

/** What the registry has from the models folder, so that what was removed while no server ran is noticed. */
async function folderVersions(registry: Registry): Promise<readonly KnownVersion[]> {
  const models = (await registry.listModels()).filter((model) => model.owner === 'folder');
  return models.flatMap((model) => model.versions.map(({ version }) => ({ model: model.name, version })));
}

/** What has been built, to be taken down in reverse order, once. */
class TakeDown {
  readonly #steps: { readonly what: string; readonly undo: () => unknown }[] = [];
  #running: Promise<void> | null = null;

  /** What comes after the taking down has begun is taken down at once. */
  add(what: string, undo: () => unknown): void {
    if (this.#running === null) this.#steps.push({ what, undo });
    else void undo();
  }

  get hasBegun(): boolean {
    return this.#running !== null;
  }

  /** Runs every step even when one fails; the first failure is thrown at the end. */
  run(): Promise<void> {
    this.#running ??= this.#runSteps();
    return this.#running;
  }

  async #runSteps(): Promise<void> {
    const failures: unknown[] = [];
    for (const { undo } of this.#steps.reverse()) {
      try {
        await undo();
      } catch (thrown) {
        failures.push(thrown);
      }
    }
    if (failures.length > 0) throw failures[0];
  }
}
