// Answers that are kept so that a conversation can go on after them. Each holds the whole conversation up to itself, so that
// one row is enough to go on. Knows nothing of what the JSON says.
import { AmaasError, type ChatMessage, type Clock } from '@amaas/core';
import type { Transaction } from 'kysely';
import type { Database, Schema } from '../storage/index.ts';

type Json = Readonly<Record<string, unknown>>;

export interface StoredResponse {
  readonly id: string;
  /** Who may see it: the id of a key; null where there are none. */
  readonly owner: string | null;
  /** As it was answered. */
  readonly response: Json;
  /** The items the caller sent with it. */
  readonly input: readonly Json[];
  /** Everything said up to it and in it; instructions are not part of it. */
  readonly conversation: readonly ChatMessage[];
}

/** As long as OpenAI keeps them. */
const KEPT_MS = 30 * 24 * 60 * 60 * 1000;

/** Of one owner; the oldest go first. */
const MOST_KEPT = 10_000;

export class ResponseStore {
  readonly #database: Database;
  readonly #clock: Pick<Clock, 'wallTime'>;

  constructor(database: Database, clock: Pick<Clock, 'wallTime'>) {
    this.#database = database;
    this.#clock = clock;
  }

  /** Durable when it resolves. Those past their time go. */
  async put({ id, owner, response, input, conversation }: StoredResponse): Promise<void> {
    const now = this.#clock.wallTime();
    await this.#database.transaction(async (trx) => {
      await trx
        .insertInto('responses')
        .values({
          id,
          owner: owner ?? '',
          response: JSON.stringify(response),
          input: JSON.stringify(input),
          conversation: JSON.stringify(conversation),
          created_at: now.toISOString(),
        })
        .execute();
      const oldest = new Date(now.getTime() - KEPT_MS).toISOString();
      await trx.deleteFrom('responses').where('created_at', '<', oldest).execute();
      await this.#dropBeyond(trx, owner ?? '', oldest);
    });
  }

  /** Each holds its whole conversation, so a caller who never forgets any could fill the disk. */
  async #dropBeyond(trx: Transaction<Schema>, owner: string, oldest: string): Promise<void> {
    const tooOld = await trx
      .selectFrom('responses')
      .select('created_at')
      .where('owner', '=', owner)
      // All that are left are younger, but only so SQLite goes by the index and does not read every conversation for its age.
      .where('created_at', '>=', oldest)
      .orderBy('created_at', 'desc')
      .offset(MOST_KEPT)
      .limit(1)
      .executeTakeFirst();
    if (tooOld === undefined) return;
    await trx.deleteFrom('responses').where('owner', '=', owner).where('created_at', '<=', tooOld.created_at).execute();
  }

  /** @throws RESPONSE_NOT_FOUND, also for what belongs to somebody else */
  async get(id: string, owner: string | null): Promise<StoredResponse> {
    const row = await this.#database.db
      .selectFrom('responses')
      .selectAll()
      .where('id', '=', id)
      .where('owner', '=', owner ?? '')
      .executeTakeFirst();
    if (row === undefined) throw notFound(id);
    return {
      id,
      owner,
      // written by put
      response: JSON.parse(row.response) as Json,
      input: JSON.parse(row.input) as Json[],
      conversation: JSON.parse(row.conversation) as ChatMessage[],
    };
  }

  /** @throws RESPONSE_NOT_FOUND, also for what belongs to somebody else */
  async delete(id: string, owner: string | null): Promise<void> {
    const { numDeletedRows } = await this.#database.transaction((trx) =>
      trx
        .deleteFrom('responses')
        .where('id', '=', id)
        .where('owner', '=', owner ?? '')
        .executeTakeFirst(),
    );
    if (numDeletedRows === 0n) throw notFound(id);
  }
}

function notFound(id: string): AmaasError {
  return new AmaasError('RESPONSE_NOT_FOUND', `there is no stored response ${JSON.stringify(id.slice(0, 100))}`);
}
