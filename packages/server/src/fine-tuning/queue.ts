// Fine-tunings as callers see them: made, listed, paused, resumed, cancelled. What is wanted of one is written down first, then
// its job is told; so that whatever ends the server in between, the next one does what was asked for.
import { randomBytes, randomInt } from 'node:crypto';
import { totalmem } from 'node:os';
import { AmaasError, deserializeError, parseModelReference } from '@amaas/core';
import type {
  DescribedCheckpoint,
  DescribedEvent,
  DescribedFineTuning,
  FineTuningRequest,
} from '@amaas/protocols/fine-tuning';
import type { DataPlane } from '../dataplane/index.ts';
import { authorize, type Principal } from '../gateway/index.ts';
import { isFinal, type JobKind, type JobRecord, type Jobs } from '../jobs/index.ts';
import type { Registry } from '../registry/index.ts';
import type { Database } from '../storage/index.ts';
import type { FineTuningPage, FineTuningPageRequest, FineTunings } from './fine-tunings.ts';
import { noteEvent } from './folder.ts';
import { createFineTuningKind, endFineTuning, FINE_TUNE, type FineTuningKindParts } from './kind.ts';
import { fineTuningNotFound, type FineTuningRecord, FineTuningStore } from './store.ts';
import { type CallersFiles, takeFile } from './sources.ts';
import { describeFineTuning, findJob } from './view.ts';

export interface FineTuningQueueParts extends Omit<FineTuningKindParts, 'store' | 'finishing' | 'goOn'> {
  readonly database: Database;
  /** Where fine-tunings have their folders. */
  readonly directory: string;
  readonly files: CallersFiles;
  /** Hears what went wrong where nobody waits for an answer. */
  readonly onProblem: (fineTuning: string, what: string, error: unknown) => void;
}

/** Of the base's name within the new one, which has 128 characters with everything. */
const MOST_BASE_CHARACTERS = 40;

export class FineTuningQueue implements FineTunings {
  readonly kind: JobKind;
  readonly #parts: FineTuningQueueParts;
  readonly #store: FineTuningStore;
  readonly #registry: Registry;
  readonly #dataPlane: DataPlane;
  readonly #finishing = new Set<string>();
  #jobs: Jobs | null = null;

  private constructor(parts: FineTuningQueueParts, store: FineTuningStore) {
    this.#parts = parts;
    this.#store = store;
    this.#registry = parts.registry;
    this.#dataPlane = parts.dataPlane;
    this.kind = createFineTuningKind({
      ...parts,
      store,
      finishing: this.#finishing,
      goOn: (id) => this.#submitOrSay(id),
    });
  }

  /** Opens the fine-tunings as the last server left them; those that cannot go on fail. */
  static async open(parts: FineTuningQueueParts): Promise<FineTuningQueue> {
    const { database, directory } = parts;
    const queue = new FineTuningQueue(parts, await FineTuningStore.open(database, directory));
    for (const { id, end, intent } of queue.#store.list()) {
      const isOpen = end === null && intent !== 'cancel'; // to cancel one takes no files
      if (isOpen && !(await queue.#store.hasFolder(id))) await queue.#endLost(id);
    }
    return queue;
  }

  /** @param jobs - with {@link FineTuningQueue.kind} */
  attach(jobs: Jobs): void {
    this.#jobs = jobs;
  }

  /** Does what was asked for and not yet done when the last server ended. Never rejects. */
  async start(): Promise<void> {
    for (const record of this.#store.list().toReversed()) {
      try {
        if (record.end === null) await this.#catchUp(record);
      } catch (err) {
        this.#parts.onProblem(record.id, 'a fine-tuning could not go on', err);
      }
    }
  }

  async #catchUp({ id, intent, job }: FineTuningRecord): Promise<void> {
    if (intent !== 'run' && job !== null) await this.#stopJob(id, job);
    else if (intent === 'cancel') await this.#endCancelled(id);
    else if (intent === 'run' && job === null) await this.#submit(id);
    else if (job !== null) await this.#endWith(id, await findJob(this.#startedJobs(), job));
  }

  /** Says how its job ended, where the server could not write it down at the time. */
  async #endWith(id: string, job: JobRecord | null): Promise<void> {
    if (job !== null && !isFinal(job.state)) return;
    const lost = new AmaasError('INTERNAL', `fine-tuning job ${id}: how its job ended is not known`);
    const error = job === null || job.error === null ? lost : deserializeError(job.error);
    await this.#end(id, { state: job?.state === 'cancelled' ? 'cancelled' : 'failed', error });
  }

  async create(request: FineTuningRequest, principal: Principal): Promise<DescribedFineTuning> {
    const reference = parseModelReference(request.model);
    authorize(principal, { scope: 'deploy', model: reference.model });
    const { name, version, file } = this.#dataPlane.resolveLanguage(reference);
    if (file.architecture !== 'llama' || file.pooling !== null) {
      const found =
        file.pooling === null ? `architecture is ${file.architecture}` : 'answers are vectors or judgements';
      const message = `model: "${request.model}" cannot be fine-tuned: it takes a Llama that writes, and its ${found}`;
      throw new AmaasError('INVALID_MODEL', message, { details: { field: 'model' } });
    }
    assertRoom(request, file.parameters);
    const hex = randomBytes(8).toString('hex');
    const id = `ftjob-${hex}`;
    const model = modelName(name, request.suffix, hex);
    authorize(principal, { scope: 'deploy', model });
    await this.#registry.assertOwner(model, 'api');
    const paths = await this.#store.makeFolder(id);
    try {
      const sources = { ...this.#parts, principal };
      const { trainingFile, validationFile } = request;
      const training = await takeFile(sources, { id: trainingFile, field: 'training_file', path: paths.training });
      const held = { field: 'validation_file', path: paths.validation };
      const validation = validationFile === null ? null : await takeFile(sources, { id: validationFile, ...held });
      const createdAtMs = this.#nowMs();
      await this.#store.add({
        ...{ id, sequence: this.#store.nextSequence(), owner: principal.keyId, createdBy: principal.name, createdAtMs },
        ...{ request, seed: request.seed ?? randomInt(2 ** 31), base: { model: name, version }, model },
        ...{ training, validation, intent: 'run', job: null, isPausing: false, end: null },
      });
      await this.#note(id, `Created fine-tuning job: ${id}`);
      await this.#submit(id);
    } catch (thrown) {
      await this.#store.remove(id);
      throw thrown;
    }
    return this.#describe(id);
  }

  async get(id: string, principal: Principal): Promise<DescribedFineTuning> {
    return this.#describe(this.#visible(id, principal).id);
  }

  async list(
    request: Parameters<FineTunings['list']>[0],
    principal: Principal,
  ): Promise<FineTuningPage<DescribedFineTuning>> {
    const wanted = this.#store
      .list()
      .filter((record) => maySee(principal, record))
      .filter(({ request: { metadata } }) =>
        request.metadata.every(([name, value]) => metadata.some((pair) => pair[0] === name && pair[1] === value)),
      );
    const { items, hasMore } = pageOf(wanted, request);
    return { items: await Promise.all(items.map(({ id }) => this.#describe(id))), hasMore };
  }

  async cancel(id: string, principal: Principal): Promise<DescribedFineTuning> {
    const record = this.#stoppable(id, principal, 'cancelled');
    if (record.intent !== 'cancel') {
      await this.#store.update(id, { intent: 'cancel' });
      if (record.job === null) await this.#endCancelled(id);
      else await this.#stopJob(id, record.job);
    }
    return this.#describe(id);
  }

  async pause(id: string, principal: Principal): Promise<DescribedFineTuning> {
    const record = this.#stoppable(id, principal, 'paused');
    if (record.intent === 'run') {
      await this.#store.update(id, { intent: 'pause', isPausing: record.job !== null });
      await this.#note(id, 'The job is paused');
      if (record.job !== null) await this.#stopJob(id, record.job);
    }
    return this.#describe(id);
  }

  async resume(id: string, principal: Principal): Promise<DescribedFineTuning> {
    const record = this.#stoppable(id, principal, 'resumed');
    if (record.intent !== 'pause') {
      throw new AmaasError('INVALID_ARGUMENT', `fine-tuning job ${id} cannot be resumed: it is not paused`);
    }
    await this.#store.update(id, { intent: 'run' });
    await this.#note(id, 'The job is resumed');
    // One that still ends keeps its folder until then: it is gone on with when it has.
    if (this.#store.get(id).job === null) await this.#submit(id);
    return this.#describe(id);
  }

  async events(
    id: string,
    request: FineTuningPageRequest,
    principal: Principal,
  ): Promise<FineTuningPage<DescribedEvent>> {
    this.#visible(id, principal);
    const { events } = await this.#store.history(id);
    return pageOf(events.toReversed(), request);
  }

  async checkpoints(
    id: string,
    request: FineTuningPageRequest,
    principal: Principal,
  ): Promise<FineTuningPage<DescribedCheckpoint>> {
    const { model } = this.#visible(id, principal);
    const { epochs } = await this.#store.history(id);
    const last = (await this.#store.plan(id))?.epochs;
    const checkpoints = epochs.map(({ epoch, step, atMs, loss, accuracy, validationLoss, validationAccuracy }) => ({
      ...{ id: `${id.replace('ftjob', 'ftckpt')}-${step}`, createdAtMs: atMs, job: id, step },
      // Only the last can be asked: the others are measured, not kept, and their names lead nowhere.
      model: epoch === last ? model : `${model}:step-${step}`,
      ...{ trainLoss: loss, trainAccuracy: accuracy, validationLoss, validationAccuracy },
    }));
    return pageOf(checkpoints.toReversed(), request);
  }

  /** @throws JOB_NOT_FOUND */
  #visible(id: string, principal: Principal): FineTuningRecord {
    const record = this.#store.get(id);
    if (maySee(principal, record)) return record;
    throw fineTuningNotFound(id);
  }

  /** @throws JOB_NOT_FOUND, JOB_ENDED */
  #stoppable(id: string, principal: Principal, what: string): FineTuningRecord {
    const record = this.#visible(id, principal);
    const state = record.end?.state ?? (this.#finishing.has(id) ? 'succeeding' : null);
    if (state === null && (record.intent !== 'cancel' || what === 'cancelled')) return record;
    const message = `fine-tuning job ${id} cannot be ${what}: its state is ${state ?? 'cancelled'}`;
    throw new AmaasError('JOB_ENDED', message, { details: { job: id, state } });
  }

  async #submit(id: string): Promise<void> {
    const { model, createdBy } = this.#store.get(id);
    const jobs = this.#startedJobs();
    const job = await jobs.submit({ kind: FINE_TUNE, configuration: { fineTuning: id, model }, createdBy });
    const now = this.#store.get(id);
    // It may have begun by now, and said so itself; or somebody has paused it, who saw no job to stop.
    if (now.intent !== 'run') await this.#stopJob(id, job.id);
    else if (now.job === null) await this.#store.update(id, { job: job.id });
  }

  /** Where nobody waits for an answer. What could not be submitted is when the server starts again. */
  async #submitOrSay(id: string): Promise<void> {
    if (this.#jobs === null) return; // `start` sees to it
    try {
      await this.#submit(id);
    } catch (err) {
      this.#parts.onProblem(id, 'a fine-tuning could not go on', err);
    }
  }

  async #stopJob(id: string, job: string): Promise<void> {
    try {
      await this.#startedJobs().cancel(job);
    } catch (thrown) {
      // It has ended: then its hooks have said how, or are about to.
      if (!(thrown instanceof AmaasError && (thrown.reason === 'JOB_ENDED' || thrown.reason === 'JOB_NOT_FOUND'))) {
        throw thrown;
      }
      const { end, intent } = this.#store.get(id);
      if (end === null && intent === 'cancel') await this.#endCancelled(id);
      else if (end === null) await this.#store.update(id, { job: null, isPausing: false });
    }
  }

  /** Before any job can begin to work on it. Never rejects. */
  async #endLost(id: string): Promise<void> {
    const message =
      `fine-tuning job ${id}: its training file and its checkpoint are not in the data directory; ` +
      'a backup has neither while a job runs or is paused. Create the job anew';
    try {
      await this.#store.makeFolder(id); // for the event
      await this.#end(id, { state: 'failed', error: new AmaasError('ARTIFACT_NOT_FOUND', message) });
    } catch (err) {
      this.#parts.onProblem(id, 'a fine-tuning whose folder is gone could not be ended', err);
    }
  }

  #endCancelled(id: string): Promise<void> {
    const error = new AmaasError('CANCELLED', `fine-tuning job ${id} was cancelled`);
    return this.#end(id, { state: 'cancelled', error });
  }

  #end(id: string, end: { readonly state: 'failed' | 'cancelled'; readonly error: AmaasError }): Promise<void> {
    const { registry, clock } = this.#parts;
    return endFineTuning({ store: this.#store, registry, clock }, this.#store.get(id), end);
  }

  async #describe(id: string): Promise<DescribedFineTuning> {
    return describeFineTuning(this.#store.get(id), await this.#store.plan(id), this.#startedJobs());
  }

  async #note(id: string, message: string): Promise<void> {
    const paths = this.#store.pathsOf(id);
    await noteEvent(paths, this.#nowMs(), { level: 'info', type: 'message', message, data: {} });
  }

  #startedJobs(): Jobs {
    if (this.#jobs === null) throw new AmaasError('MODEL_NOT_READY', 'fine-tuning: the server is still starting');
    return this.#jobs;
  }

  #nowMs(): number {
    return this.#parts.clock.wallTime().getTime();
  }
}

function maySee({ keyId, scopes }: Principal, { owner }: FineTuningRecord): boolean {
  return scopes.includes('admin') || (owner !== null && owner === keyId);
}

/** Bytes per parameter at least: weights and gradients, and with all of them two moments more. */
const LEAST_BYTES = { lora: 8, full: 16 };

/** Refuses what cannot fit whatever the rest takes. @throws MEMORY_LIMIT with numbers */
function assertRoom({ model, hyperparameters }: FineTuningRequest, parameters: number): void {
  const bytes = parameters * (hyperparameters.lora === null ? LEAST_BYTES.full : LEAST_BYTES.lora);
  const constrained = process.constrainedMemory();
  const most = constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
  if (bytes <= most) return;
  const message = `model: fine-tuning "${model}" takes ${bytes} bytes of memory at least, and there are ${most}`;
  throw new AmaasError('MEMORY_LIMIT', message, { details: { field: 'model', bytes, maxBytes: most } });
}

/** A name that follows our rule, whatever the base is called. */
function modelName(base: string, suffix: string | null, hex: string): string {
  const cut = base.slice(0, MOST_BASE_CHARACTERS).replace(/\.$/, '');
  return ['ft', cut, ...(suffix === null ? [] : [suffix]), hex.slice(0, 8)].join('-');
}

/** @throws INVALID_ARGUMENT for an unknown `after` */
function pageOf<Item extends { readonly id: string }>(
  items: readonly Item[],
  { after, limit }: FineTuningPageRequest,
): FineTuningPage<Item> {
  const at = after === null ? -1 : items.findIndex(({ id }) => id === after);
  if (after !== null && at === -1) {
    const message = `after: there is nothing called ${JSON.stringify(after.slice(0, 80))} here`;
    throw new AmaasError('INVALID_ARGUMENT', message, { details: { field: 'after' } });
  }
  const page = items.slice(at + 1, at + 1 + limit);
  return { items: page, hasMore: at + 1 + limit < items.length };
}
