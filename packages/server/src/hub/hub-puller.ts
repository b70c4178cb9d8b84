// Pulls a model from a hub: list, choose, download what is missing, admit. Ends where its listener stops; what has come
// until then is kept, and the next pull of the same goes on there.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AmaasError, assertName, type Clock, type Manifest } from '@amaas/core';
import { inspectModel, readModel } from '@amaas/learn/onnx';
import type { Admission } from '../admission/index.ts';
import type { BlobStore, Digest, TreeFile } from '../artifacts/index.ts';
import type { Registry, VersionRecord } from '../registry/index.ts';
import { type Choice, type ChosenFile, chooseFiles, externalFiles } from './choose-files.ts';
import { downloadFile } from './download.ts';
import { type HubClient, failed } from './hub-client.ts';
import { isCommit, KnownListings } from './known-listings.ts';
import type { HubFile, HubListing } from './listing.ts';
import { PartialFiles, partialName } from './partial-files.ts';
import { assertSizes, assertSpace, type PullLimits } from './pull-limits.ts';
import { type PulledFile, type PullEvent, PullMeter, streamEvents } from './pull-events.ts';
import { assertRevision, type HubReference, parseHubReference, showSource } from './reference.ts';
import { pause, withRetries } from './retrying.ts';

export interface HubPullerParts {
  readonly client: HubClient;
  /** Of partial files and of what hubs said. */
  readonly directory: string;
  readonly blobs: BlobStore;
  readonly admission: Pick<Admission, 'admit'>;
  readonly registry: Pick<Registry, 'assertOwner' | 'getModel' | 'setLabel'>;
  /** Resolves when what was registered is served. */
  readonly settle: (model: string) => Promise<void>;
  /** Hears how every pull ended. */
  readonly onEnd?: (reference: string, end: PullEnd) => void;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly limits: PullLimits;
  /** Whether the hub is never asked. */
  readonly isOffline: boolean;
  /** Bytes that can be written below a folder; default: what the file system says. */
  readonly freeBytes?: (directory: string) => Promise<number>;
}

export interface PullOptions {
  /** Default: the repository's name in lower case, without `-gguf` at its end. */
  readonly name?: string;
  readonly labels?: readonly string[];
  /** A branch, a tag or a commit; default: what the reference says, else `main`. */
  readonly revision?: string;
  readonly manifest?: Manifest;
  /** For the version's lineage. */
  readonly deployedBy?: string;
  /** Hears the name of the model before anything is asked of the hub; what it throws ends the pull. */
  readonly authorize?: (model: string) => void;
  readonly signal?: AbortSignal;
}

type PullDone = Extract<PullEvent, { readonly type: 'done' }>;

/** How a pull ended: by a version, or by an error. */
export type PullEnd = PullDone | { readonly type: 'failed'; readonly error: unknown };

/** One pull, once it is known what of. */
interface Plan {
  readonly model: string;
  readonly listing: HubListing;
  readonly choice: Choice;
  readonly options: PullOptions;
  readonly meter: PullMeter;
  readonly signal: AbortSignal;
}

/** One connection seldom fills a line, and more take it from others. */
const MAX_PARALLEL_FILES = 3;
/** Blobs nobody refers to yet are collected when they were not touched for an hour. */
const TOUCH_INTERVAL_MS = 10 * 60_000;

export class HubPuller {
  readonly #parts: HubPullerParts;
  readonly #partials: PartialFiles;
  readonly #known: KnownListings;
  readonly #stop = new AbortController();
  /** Partial files somebody is at. */
  readonly #busy = new Map<string, Promise<unknown>>();

  /** Does not touch the disk. */
  constructor(parts: HubPullerParts) {
    this.#parts = parts;
    this.#partials = new PartialFiles(join(parts.directory, 'partial'), parts.clock);
    this.#known = new KnownListings(join(parts.directory, 'known'));
  }

  /**
   * Pulls the model that `reference` names, `hf:owner/repo:file.gguf` and the like, and makes it the next version of a
   * model, unless its newest version has the same files.
   * @throws INVALID_ARGUMENT, ARTIFACT_NOT_FOUND, FORBIDDEN, FETCH_FAILED, URL_REFUSED, DIGEST_MISMATCH, STORAGE_FULL,
   *   REQUEST_TOO_LARGE, CANCELLED, UNSUPPORTED_FEATURE, and what admission throws
   */
  pull(reference: string, options: PullOptions = {}): AsyncGenerator<PullEvent> {
    return streamEvents(
      async (emit, signal) => {
        const meter = new PullMeter(this.#parts.clock, emit);
        try {
          const done = await this.#run(parseHubReference(reference), { options, emit, meter, signal });
          this.#parts.onEnd?.(reference, done);
          emit(done);
        } catch (thrown) {
          const error = this.#parts.client.explain(thrown);
          this.#parts.onEnd?.(reference, { type: 'failed', error });
          throw error;
        } finally {
          meter.end();
        }
      },
      AbortSignal.any([this.#stop.signal, ...(options.signal === undefined ? [] : [options.signal])]),
    );
  }

  /** Ends every pull, those to come included: what has come is there for the next server. */
  stop(): void {
    this.#stop.abort(
      new AmaasError('SHUTTING_DOWN', 'pull: the server is shutting down; the same pull goes on where it was'),
    );
  }

  /** Removes what pulls left behind that nobody went on with. */
  async removeStale(): Promise<void> {
    await this.#partials.removeStale(new Set(this.#busy.keys()));
  }

  async #run(
    reference: HubReference,
    run: Pick<Plan, 'options' | 'meter' | 'signal'> & { readonly emit: (event: PullEvent) => void },
  ): Promise<PullDone> {
    const { options, emit, meter, signal } = run;
    const { registry } = this.#parts;
    const model = assertName('model', options.name ?? defaultName(reference.repository));
    for (const label of options.labels ?? []) assertName('label', label);
    const revision = assertRevision(options.revision ?? reference.revision ?? 'main');
    options.authorize?.(model);
    await registry.assertOwner(model, 'api');
    if (options.name === undefined) await this.#assertSameOrigin(model, reference.repository);
    await this.removeStale();
    const listing = await this.#list(reference.repository, revision, run);
    const choice = chooseFiles(listing, reference);
    const plan: Plan = { model, listing, choice, options, meter, signal };
    const certain = [choice.model, ...choice.companions];
    const here = await this.#findHere(plan, certain);
    await this.#announce(plan, here, emit);

    const have = new Map(here);
    const stopTouching = this.#keepTouched(have, signal);
    try {
      // What weights lie outside an ONNX model, only the model itself says.
      const first = choice.format === 'onnx' ? [choice.model] : certain;
      await this.#bring(plan, first, have);
      const rest = [...certain, ...(await this.#externals(plan, have))].filter((chosen) => !first.includes(chosen));
      await this.#bring(plan, rest, have);
      await this.#known.putDigests(listing.repository, have);
      const files = [...first, ...rest].map(({ file, path }) => treeFile(path, file, have));
      return await this.#publish(plan, files);
    } finally {
      stopTouching();
    }
  }

  /** @throws NAME_TAKEN where a model that has nothing to do with the repository happens to have its name */
  async #assertSameOrigin(model: string, repository: string): Promise<void> {
    const newest = (await this.#parts.registry.getModel(model))?.versions.at(-1);
    const source = newest?.lineage.source ?? '';
    if (newest === undefined || source.toLowerCase().startsWith(`hf:${repository.toLowerCase()}@`)) return;
    throw new AmaasError(
      'NAME_TAKEN',
      `pull: there is a model "${model}" that does not come from ${repository}; say under which name to pull, "${model}" included`,
      { details: { model } },
    );
  }

  async #list(repository: string, revision: string, run: Pick<Plan, 'meter' | 'signal'>): Promise<HubListing> {
    const { client, clock, random, isOffline } = this.#parts;
    const known = isOffline || isCommit(revision) ? await this.#known.get(repository, revision) : null;
    if (known !== null) return known;
    if (isOffline) throw offline(`what ${repository} holds at ${revision} was never asked for`);
    const retry = {
      clock,
      random,
      signal: run.signal,
      onPause: (error: AmaasError) => run.meter.noteWaiting(error.publicMessage),
    };
    const listing = await withRetries(retry, () => client.list(repository, revision, run.signal));
    await this.#known.put(revision, listing);
    return listing;
  }

  /** Files that are in the blob store. */
  async #findHere(plan: Plan, chosen: readonly ChosenFile[]): Promise<ReadonlyMap<HubFile, Digest>> {
    const digests = await this.#known.digestsOf(plan.listing.repository, filesOf(chosen));
    const here = new Map<HubFile, Digest>();
    for (const [file, digest] of digests) if (await this.#parts.blobs.touch(digest)) here.set(file, digest);
    return here;
  }

  async #announce(plan: Plan, here: ReadonlyMap<HubFile, Digest>, emit: (event: PullEvent) => void): Promise<void> {
    const { model, listing, choice, meter } = plan;
    const chosen = [choice.model, ...choice.companions];
    assertSizes(listing.repository, filesOf(chosen), this.#parts.limits);
    const missingBytes = await this.#assertCanBring(chosen.filter(({ file }) => !here.has(file)));
    for (const { file, path } of chosen) meter.add(pulledFile(path, file), here.has(file));
    emit({
      type: 'started',
      model,
      source: sourceOf(listing, choice),
      license: listing.license,
      files: chosen.map(({ file, path }) => pulledFile(path, file)),
      totalBytes: chosen.reduce((sum, { file }) => sum + file.sizeBytes, 0),
      missingBytes,
    });
  }

  /** Bytes to download. @throws FETCH_FAILED where the server is offline, STORAGE_FULL */
  async #assertCanBring(missing: readonly ChosenFile[]): Promise<number> {
    if (this.#parts.isOffline && missing.length > 0) {
      throw offline(`these files are not here: ${missing.map(({ file }) => file.path).join(', ')}`);
    }
    const { directory, freeBytes } = this.#parts;
    return assertSpace(filesOf(missing), { directory, partials: this.#partials, freeBytes });
  }

  /** Downloads what is not here yet. */
  async #bring(plan: Plan, chosen: readonly ChosenFile[], have: Map<HubFile, Digest>): Promise<void> {
    const waiting = chosen.filter(({ file }) => !have.has(file));
    const stop = new AbortController();
    const signal = AbortSignal.any([plan.signal, stop.signal]);
    const worker = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        have.set(next.file, await this.#bringOne(plan, next, signal));
      }
    };
    const workers = Array.from({ length: MAX_PARALLEL_FILES }, worker);
    try {
      await Promise.all(workers);
    } catch (thrown) {
      stop.abort();
      await Promise.allSettled(workers); // partial files are closed before anyone opens them again
      throw thrown;
    }
  }

  async #bringOne(plan: Plan, { file, path }: ChosenFile, signal: AbortSignal): Promise<Digest> {
    const { listing, meter } = plan;
    const key = partialName(file);
    for (let other = this.#busy.get(key); other !== undefined; other = this.#busy.get(key)) {
      meter.noteWaiting(`another pull to bring ${file.path}`);
      await untilAborted(other, signal);
    }
    const work = this.#download({ listing, meter, signal }, file, path);
    const settled = work.then(
      () => {},
      () => {},
    );
    this.#busy.set(key, settled);
    try {
      return await work;
    } finally {
      this.#busy.delete(key);
    }
  }

  async #download(
    { listing, meter, signal }: Pick<Plan, 'listing' | 'meter' | 'signal'>,
    file: HubFile,
    path: string,
  ): Promise<Digest> {
    const { client, blobs, clock, random } = this.#parts;
    const { repository, commit } = listing;
    // Another pull may have brought it while this one waited.
    const known = (await this.#known.digestsOf(repository, [file])).get(file);
    if (known !== undefined && (await blobs.touch(known))) {
      meter.note(path, file.sizeBytes, 0);
      return known;
    }
    const { digest } = await downloadFile(
      {
        ...{ client, blobs, clock, random, signal },
        partials: this.#partials,
        onPause: (error) => meter.noteWaiting(error.publicMessage),
        onBytes: (haveBytes, cameBytes) => meter.note(path, haveBytes, cameBytes),
      },
      { repository, commit, file },
    );
    return digest;
  }

  /** The files beside an ONNX model that hold its weights. */
  async #externals(plan: Plan, have: ReadonlyMap<HubFile, Digest>): Promise<readonly ChosenFile[]> {
    const { choice, listing, meter } = plan;
    const digest = have.get(choice.model.file);
    if (choice.format !== 'onnx' || digest === undefined) return [];
    const { externalData } = inspectModel(readModel(await readFile(await this.#parts.blobs.path(digest))));
    const chosen = externalFiles(listing, choice.model.file, new Set(externalData.map(({ location }) => location)));
    const here = await this.#findHere(plan, chosen);
    const all = [choice.model, ...choice.companions, ...chosen];
    assertSizes(listing.repository, filesOf(all), this.#parts.limits);
    await this.#assertCanBring(chosen.filter(({ file }) => !here.has(file)));
    for (const { file, path } of chosen) meter.add(pulledFile(path, file), here.has(file));
    return chosen;
  }

  async #publish(plan: Plan, files: readonly TreeFile[]): Promise<PullDone> {
    const { model, listing, choice, options, meter, signal } = plan;
    const { admission, registry, settle } = this.#parts;
    const { manifest, labels = [], deployedBy } = options;
    const newest = (await registry.getModel(model))?.versions.at(-1);
    if (newest !== undefined && manifest === undefined && isSame(newest, files)) {
      for (const label of labels) await registry.setLabel({ model, label, version: newest.version });
      await settle(model);
      return { type: 'done', version: newest, unchanged: true };
    }
    meter.enter('admit');
    const version = await admission.admit({
      model,
      owner: 'api',
      files,
      labels,
      ...(manifest === undefined ? {} : { manifest }),
      lineage: {
        source: sourceOf(listing, choice),
        ...(listing.license === null ? {} : { license: listing.license }),
        ...(deployedBy === undefined ? {} : { deployedBy }),
      },
      retryRejected: true, // whoever pulls again by hand wants it tried again
      signal,
    });
    await settle(model);
    return { type: 'done', version, unchanged: false };
  }

  /** Keeps blobs from being collected while others are still on their way. */
  #keepTouched(have: ReadonlyMap<HubFile, Digest>, signal: AbortSignal): () => void {
    const stop = new AbortController();
    const { clock, blobs } = this.#parts;
    const both = AbortSignal.any([signal, stop.signal]);
    void (async () => {
      for (;;) {
        await pause({ clock, signal: both }, TOUCH_INTERVAL_MS);
        for (const digest of have.values()) await blobs.touch(digest);
      }
    })().catch(() => {}); // ended; a disk that fails is told of by what is written to it
    return () => stop.abort();
  }
}

function defaultName(repository: string): string {
  return (repository.split('/')[1] ?? '').toLowerCase().replace(/[-_.]gguf$/, '');
}

function filesOf(chosen: readonly ChosenFile[]): readonly HubFile[] {
  return chosen.map(({ file }) => file);
}

function pulledFile(path: string, file: HubFile): PulledFile {
  return { path, sizeBytes: file.sizeBytes, identity: `${file.identity.kind}:${file.identity.hex}` };
}

function sourceOf({ repository, commit }: HubListing, { model }: Choice): string {
  return showSource({ repository, commit, file: model.file.path });
}

function treeFile(path: string, file: HubFile, have: ReadonlyMap<HubFile, Digest>): TreeFile {
  const digest = have.get(file);
  if (digest === undefined) throw new TypeError(`pull: ${path} was not brought`);
  return { path, digest, sizeBytes: file.sizeBytes };
}

/** Whether a version was made of exactly these files; its model file may have been rewritten on the way in. */
function isSame({ files, lineage }: VersionRecord, fresh: readonly TreeFile[]): boolean {
  const original = (file: TreeFile): Digest =>
    file.path === lineage.model?.file && lineage.rewritten !== undefined ? lineage.rewritten.from : file.digest;
  const known = new Map(files.map((file) => [file.path, original(file)]));
  return known.size === fresh.length && fresh.every(({ path, digest }) => known.get(path) === digest);
}

function offline(problem: string): AmaasError {
  return failed(`this server is offline (AMAAS_OFFLINE), and ${problem}`, { retryable: false });
}

/** @throws CANCELLED when the signal fires first */
function untilAborted(promise: Promise<unknown>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(new AmaasError('CANCELLED', 'pull: cancelled'));
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    void promise.then(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    });
  });
}
