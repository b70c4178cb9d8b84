// Decides, from one look at the folder to the next, what is finished enough to be handed out and what is gone.
// Pure: the watcher supplies scans and times and carries the decisions out.
import type { FolderCandidate } from './folder-candidate.ts';

export type FolderEvent =
  | { readonly kind: 'candidate'; readonly candidate: FolderCandidate }
  | { readonly kind: 'problem'; readonly candidate: FolderCandidate }
  /** A version is gone; null for the model of a single file. */
  | { readonly kind: 'removed'; readonly model: string; readonly version: number | null };

export interface LookTimes {
  /** Monotonic. */
  readonly nowMs: number;
  /** In milliseconds since 1970, to compare with the times of files. */
  readonly wallMs: number;
}

export interface LookResult {
  readonly events: readonly FolderEvent[];
  /** When another look would decide something, in milliseconds from now; null when nothing is pending. */
  readonly nextLookMs: number | null;
}

/** A version the registry has from this folder. */
export interface KnownVersion {
  readonly model: string;
  readonly version: number;
}

/** What appeared in one piece, as a rename makes it appear, must be the same in two looks this far apart. */
export const SETTLE_MS = 300;

/** What was seen growing must rest this long: a copy over a network pauses. At first sight, rest of this length is proof enough. */
export const QUIET_MS = 2_000;

interface Entry {
  candidate: FolderCandidate;
  fingerprint: string;
  /** When the fingerprint was first seen. */
  sinceMs: number;
  /** Whether this is the fingerprint it was first seen with. */
  isAsFound: boolean;
  /** Whether it changed again before it had settled. */
  isGrowing: boolean;
  /** The fingerprint last handed out. */
  reported: string | null;
  missingSinceMs: number | null;
}

export class FolderMemory {
  readonly #entries = new Map<string, Entry>();
  /** What whoever listens believes to be in the folder. */
  readonly #held: Set<string>;
  /** Versions the registry has and no look has shown yet, with the time of the first look without them. */
  #unseen: { readonly known: KnownVersion; readonly sinceMs: number | null }[];

  /**
   * `known` versions that the folder does not hold are reported as removed, but not while there is nothing at all in it:
   * an empty folder may be one that is not mounted yet.
   */
  constructor(known: readonly KnownVersion[] = []) {
    this.#unseen = known.map((version) => ({ known: version, sinceMs: null }));
    this.#held = new Set(known.map(keyOf));
  }

  look(candidates: readonly FolderCandidate[], times: LookTimes): LookResult {
    const events: FolderEvent[] = [];
    let nextLookMs: number | null = null;
    const lookAgainIn = (delayMs: number): void => {
      nextLookMs = Math.min(nextLookMs ?? delayMs, delayMs);
    };
    const seen = new Set(candidates.map((candidate) => candidate.location));
    for (const [location, entry] of this.#entries) {
      if (seen.has(location) || candidates.some((candidate) => hides(candidate, entry.candidate))) continue;
      entry.missingSinceMs ??= times.nowMs;
      const restMs = SETTLE_MS - (times.nowMs - entry.missingSinceMs);
      if (restMs > 0) {
        lookAgainIn(restMs);
        continue;
      }
      this.#entries.delete(location);
      events.push(...this.#release(entry.candidate));
    }
    for (const candidate of candidates) {
      const entry = this.#notice(candidate, times);
      if (entry.reported === entry.fingerprint) continue;
      const restMs = restNeeded(entry, times);
      if (restMs > 0) lookAgainIn(restMs);
      else events.push(...this.#report(entry));
    }
    events.push(...this.#releaseUnseen(candidates, times, lookAgainIn));
    return { events, nextLookMs };
  }

  #releaseUnseen(
    candidates: readonly FolderCandidate[],
    { nowMs }: LookTimes,
    lookAgainIn: (delayMs: number) => void,
  ): FolderEvent[] {
    if (candidates.length === 0) return [];
    const events: FolderEvent[] = [];
    this.#unseen = this.#unseen.flatMap(({ known, sinceMs }) => {
      if (candidates.some((candidate) => covers(candidate, known))) return [];
      const firstMs = sinceMs ?? nowMs;
      const restMs = SETTLE_MS - (nowMs - firstMs);
      if (restMs > 0) {
        lookAgainIn(restMs);
        return [{ known, sinceMs: firstMs }];
      }
      events.push(...this.#release(known));
      return [];
    });
    return events;
  }

  #report(entry: Entry): FolderEvent[] {
    const { candidate } = entry;
    entry.reported = entry.fingerprint;
    entry.isGrowing = false;
    if (candidate.problem === undefined) {
      this.#held.add(keyOf(candidate));
      return [{ kind: 'candidate', candidate }];
    }
    // What could not be read may be as it was.
    const gone = candidate.isUnreadable ? [] : this.#release(candidate);
    return [...gone, { kind: 'problem', candidate }];
  }

  #release({ model, version }: { readonly model: string; readonly version: number | null }): FolderEvent[] {
    return this.#held.delete(keyOf({ model, version })) ? [{ kind: 'removed', model, version }] : [];
  }

  #notice(candidate: FolderCandidate, { nowMs }: LookTimes): Entry {
    const fingerprint = fingerprintOf(candidate);
    const entry = this.#entries.get(candidate.location);
    if (entry === undefined) {
      const fresh: Entry = {
        candidate,
        fingerprint,
        sinceMs: nowMs,
        isAsFound: true,
        isGrowing: false,
        reported: null,
        missingSinceMs: null,
      };
      this.#entries.set(candidate.location, fresh);
      return fresh;
    }
    entry.candidate = candidate;
    entry.missingSinceMs = null;
    if (entry.fingerprint !== fingerprint) {
      entry.isGrowing = entry.reported !== entry.fingerprint;
      entry.isAsFound = false;
      entry.fingerprint = fingerprint;
      entry.sinceMs = nowMs;
    }
    return entry;
  }
}

/** How much longer a candidate has to stay as it is. */
function restNeeded(entry: Entry, { nowMs, wallMs }: LookTimes): number {
  const newestMs = Math.max(...entry.candidate.files.map((file) => Math.max(file.mtimeMs, file.ctimeMs)));
  // Not for what changed since: a folder being deleted file by file holds nothing but old files.
  if (entry.isAsFound && entry.candidate.files.length > 0 && wallMs - newestMs >= QUIET_MS) return 0;
  return (entry.isGrowing ? QUIET_MS : SETTLE_MS) - (nowMs - entry.sinceMs);
}

/** Whether `unreadable` is what keeps `other` from being seen. */
function hides(unreadable: FolderCandidate, other: FolderCandidate): boolean {
  return unreadable.isUnreadable === true && other.location.startsWith(`${unreadable.location}/`);
}

/** Whether a known version is still there, or may be. A single file stands for all versions of its model. */
function covers(candidate: FolderCandidate, known: KnownVersion): boolean {
  if (candidate.model !== known.model) return false;
  return candidate.isUnreadable === true || candidate.version === known.version || isSingleFile(candidate);
}

function isSingleFile({ version, location }: FolderCandidate): boolean {
  return version === null && /^[^/]+\.(onnx|gguf)$/i.test(location);
}

function keyOf({ model, version }: { readonly model: string; readonly version: number | null }): string {
  return `${model}@${version ?? '*'}`;
}

function fingerprintOf(candidate: FolderCandidate): string {
  return JSON.stringify([
    candidate.problem ?? '',
    ...candidate.files.map(({ path, source, sizeBytes, mtimeMs, inode }) => [path, source, sizeBytes, mtimeMs, inode]),
  ]);
}
