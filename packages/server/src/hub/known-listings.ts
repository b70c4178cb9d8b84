// What hubs said before, so that a server which is offline, or asked for a commit again, need not ask: one file per
// repository. May be deleted at any time.
import { randomUUID } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { computeDigest, type Digest, digestHex, isDigest, makeDurableDirectory } from '../artifacts/index.ts';
import type { HubFile, HubListing } from './listing.ts';

/** Commits of one repository that are remembered. */
const MAX_COMMITS = 8;
const COMMIT = /^[0-9a-f]{40,64}$/;

interface Known {
  /** Branch or tag → commit, as it was when last asked. */
  readonly revisions: readonly (readonly [string, string])[];
  /** Newest last. */
  readonly listings: readonly HubListing[];
  /** Git's name of a file → its digest here, for those that were pulled. */
  readonly digests: readonly (readonly [string, string])[];
}

const NOTHING: Known = { revisions: [], listings: [], digests: [] };

export class KnownListings {
  readonly #directory: string;

  /** Does not touch the disk. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** As last heard; null when nothing was. */
  async get(repository: string, revision: string): Promise<HubListing | null> {
    const { revisions, listings } = await this.#read(repository);
    const commit = isCommit(revision) ? revision : revisions.find(([name]) => name === revision)?.[1];
    return listings.find((listing) => listing.commit === commit) ?? null;
  }

  async put(revision: string, listing: HubListing): Promise<void> {
    const known = await this.#read(listing.repository);
    const revisions = known.revisions.filter(([name]) => name !== revision);
    const listings = known.listings.filter(({ commit }) => commit !== listing.commit);
    await this.#write(listing.repository, {
      ...known,
      revisions: [...revisions, [revision, listing.commit]],
      listings: [...listings, listing].slice(-MAX_COMMITS),
    });
  }

  /** Notes what files named by git are called in the blob store. */
  async putDigests(repository: string, found: ReadonlyMap<HubFile, Digest>): Promise<void> {
    const fresh = [...found].filter(([{ identity }]) => identity.kind === 'git');
    if (fresh.length === 0) return;
    const known = await this.#read(repository);
    const digests = new Map([...known.digests, ...fresh.map(([file, digest]) => [file.identity.hex, digest] as const)]);
    await this.#write(repository, { ...known, digests: [...digests] });
  }

  /** What files are called in the blob store, as far as that is known. */
  async digestsOf(repository: string, files: readonly HubFile[]): Promise<ReadonlyMap<HubFile, Digest>> {
    const digests = new Map((await this.#read(repository)).digests);
    const found = new Map<HubFile, Digest>();
    for (const file of files) {
      const { kind, hex } = file.identity;
      const digest = kind === 'sha256' ? `sha256:${hex}` : (digests.get(hex) ?? '');
      if (isDigest(digest)) found.set(file, digest);
    }
    return found;
  }

  async #read(repository: string): Promise<Known> {
    try {
      // Written below, whole or not at all.
      return JSON.parse(await readFile(this.#path(repository), 'utf8')) as Known;
    } catch {
      return NOTHING;
    }
  }

  async #write(repository: string, known: Known): Promise<void> {
    await makeDurableDirectory(this.#directory);
    const path = this.#path(repository);
    const fresh = `${path}.${randomUUID()}`;
    await writeFile(fresh, JSON.stringify(known));
    await rename(fresh, path);
  }

  #path(repository: string): string {
    return join(this.#directory, `${digestHex(computeDigest(repository.toLowerCase()))}.json`);
  }
}

/** Whether a revision means one commit for ever. */
export function isCommit(revision: string): boolean {
  return COMMIT.test(revision);
}
