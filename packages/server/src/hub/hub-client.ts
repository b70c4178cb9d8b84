// Speaks to a hub: what a repository holds, and the bytes of a file. Says what its refusals mean. The token goes to the
// hub's own host and no further. Keeps nothing.
// Source: huggingface_hub (`hf_hub_url`, `get_hf_file_metadata`, `hf_raise_for_status`).
import { AmaasError, type Clock, type ErrorReason } from '@amaas/core';
import { type OpenedUrl, openUrl, type OpenUrlOptions, showUrl, type UrlPolicy } from '../gateway/index.ts';
import { type HubFile, type HubListing, readListing } from './listing.ts';

export interface HubClientParts {
  /** Without a slash at its end. */
  readonly hubUrl: string;
  readonly token: string | null;
  readonly policy: UrlPolicy;
  readonly clock: Clock;
  readonly resolveHost?: OpenUrlOptions['resolveHost'];
}

/** A file at a commit. */
export interface FileAddress {
  readonly repository: string;
  readonly commit: string;
  readonly file: HubFile;
}

/** Largest list of files that is read; one file takes a few hundred bytes. */
const MAX_LISTING_BYTES = 64 * 1024 * 1024;

export class HubClient {
  readonly #parts: HubClientParts;
  readonly #origin: string;

  constructor(parts: HubClientParts) {
    this.#parts = parts;
    this.#origin = new URL(parts.hubUrl).origin;
  }

  /**
   * What a repository holds at a revision.
   * @throws ARTIFACT_NOT_FOUND, FORBIDDEN, FETCH_FAILED with what the hub said; URL_REFUSED; CANCELLED
   */
  async list(repository: string, revision: string, signal: AbortSignal): Promise<HubListing> {
    const { hubUrl, policy } = this.#parts;
    const url = `${hubUrl}/api/models/${repository}/revision/${encodeURIComponent(revision)}?blobs=true`;
    const answer = await this.#open(url, { ...policy, maxBytes: MAX_LISTING_BYTES }, { signal, headers: {} });
    if (answer.status !== 200) throw this.#refusal(answer, repository, `${repository} (${revision})`);
    const chunks: Uint8Array[] = [];
    for await (const chunk of answer.body) chunks.push(chunk);
    try {
      return readListing(repository, JSON.parse(Buffer.concat(chunks).toString('utf8')));
    } catch (thrown) {
      if (thrown instanceof AmaasError) throw thrown;
      throw failed(`${showUrl(answer.url)} answered with something that is not JSON`, { cause: thrown });
    }
  }

  /**
   * Starts reading a file, from `fromByte` on where the answer's status is 206; 200: from its beginning.
   * @param etag - of what is there already: another file is then sent from its beginning
   * @throws as `list`; FETCH_FAILED too where the hub contradicts its list
   */
  async open(
    address: FileAddress,
    from: { readonly byte: number; readonly etag: string | null },
    signal: AbortSignal,
  ): Promise<OpenedUrl> {
    const { repository, commit, file } = address;
    const { hubUrl, policy } = this.#parts;
    const url = `${hubUrl}/${repository}/resolve/${commit}/${file.path.split('/').map(encodeURIComponent).join('/')}`;
    const headers = {
      ...(from.byte === 0 ? {} : { range: `bytes=${from.byte}-` }),
      ...(from.byte === 0 || from.etag === null ? {} : { 'if-range': from.etag }),
    };
    // A large file takes what it takes; what ends it is silence, or whoever asked for it.
    const unhurried = { ...policy, timeoutMs: Number.POSITIVE_INFINITY };
    const answer = await this.#open(url, unhurried, { signal, headers });
    try {
      if (answer.status !== 200 && answer.status !== 206 && answer.status !== 416) {
        throw this.#refusal(answer, repository, `${file.path} of ${repository}`);
      }
      assertAsListed(answer, address);
      return answer;
    } catch (thrown) {
      answer.close();
      throw thrown;
    }
  }

  /** What to do about a connection that did not come about; any other error as it is. */
  explain(thrown: unknown): unknown {
    // What answered has a status, and what the hub itself got wrong is told as the hub's.
    const isSilent =
      thrown instanceof AmaasError && thrown.reason === 'FETCH_FAILED' && /^fetch: /.test(thrown.message);
    if (!isSilent) return thrown;
    const { hubUrl, token } = this.#parts;
    const { host } = new URL(hubUrl);
    const message =
      `nothing came from ${host}: ${thrown.message.replace('fetch: ', '')}. The server asks hubUrl (AMAAS_HUB_URL, now ` +
      `${hubUrl}) directly, without a proxy: set it to a mirror that this machine reaches` +
      `${token === null ? ', with hubToken (AMAAS_HUB_TOKEN) where that wants one' : ''}. With offline (AMAAS_OFFLINE=on) ` +
      'only what is here already is used';
    return failed(message, { cause: thrown, details: { ...thrown.details, host }, retryable: thrown.retryable });
  }

  #open(
    url: string,
    policy: UrlPolicy,
    request: { readonly signal: AbortSignal; readonly headers: Readonly<Record<string, string>> },
  ): Promise<OpenedUrl> {
    const { token, clock, resolveHost } = this.#parts;
    return openUrl(url, policy, {
      signal: request.signal,
      clock,
      ...(resolveHost === undefined ? {} : { resolveHost }),
      headersFor: ({ origin }) => ({
        ...request.headers,
        ...(token === null || origin !== this.#origin ? {} : { authorization: `Bearer ${token}` }),
      }),
    });
  }

  /** What an answer that is not the thing asked for means. */
  #refusal(answer: OpenedUrl, repository: string, what: string): AmaasError {
    answer.close();
    const { status, url, headers } = answer;
    const code = textOf(headers['x-error-code']);
    const said = textOf(headers['x-error-message']);
    const details = { status, ...(code === '' ? {} : { hubError: code }) };
    const refuse = (reason: ErrorReason, message: string): AmaasError =>
      new AmaasError(reason, `hub: ${message}${said === '' ? '' : ` (it says: ${said})`}`, {
        details,
        retryable: false,
      });
    const isHub = url.origin === this.#origin;
    if (isHub && code === 'GatedRepo') return refuse('FORBIDDEN', this.#gated(repository));
    if (isHub && (status === 401 || status === 403)) return refuse('FORBIDDEN', this.#forbidden(what, status));
    if (isHub && (status === 404 || status === 410)) return refuse('ARTIFACT_NOT_FOUND', this.#missing(what, code));
    const retryAfterMs = readRetryAfterMs(headers['retry-after'], this.#parts.clock.wallTime());
    return failed(`${showUrl(url)} answered with status ${status}${said === '' ? '' : ` (it says: ${said})`}`, {
      // An address of a CDN holds for a while only; the hub gives a new one.
      retryable: status >= 500 || status === 429 || status === 408 || (!isHub && status === 403),
      details: { ...details, ...(retryAfterMs === null ? {} : { retryAfterMs }) },
    });
  }

  #gated(repository: string): string {
    const { token, hubUrl } = this.#parts;
    const page = `accept its conditions on ${hubUrl}/${repository}`;
    return token === null
      ? `${repository} is gated: ${page}, then start the server with your token as hubToken (AMAAS_HUB_TOKEN)`
      : `${repository} is gated, and the token in hubToken (AMAAS_HUB_TOKEN) has no access to it: ${page}`;
  }

  #forbidden(what: string, status: number): string {
    return this.#parts.token === null
      ? `${what} is not there, or it is private (status ${status}): for private repositories start the server with a token as hubToken (AMAAS_HUB_TOKEN)`
      : `the token in hubToken (AMAAS_HUB_TOKEN) may not read ${what}, or it is not there (status ${status})`;
  }

  #missing(what: string, code: string): string {
    const kinds = new Map([
      ['RepoNotFound', 'repository'],
      ['RevisionNotFound', 'revision'],
      ['EntryNotFound', 'file'],
    ]);
    const hint = this.#parts.token === null ? '; private ones need a token as hubToken (AMAAS_HUB_TOKEN)' : '';
    return `there is no such ${kinds.get(code) ?? 'model'}: ${what}${hint}`;
  }
}

/** What a hub says of a file on the way has to be what its list says. */
function assertAsListed(answer: OpenedUrl, { commit, file }: FileAddress): void {
  const said = (name: string): string | null => {
    const header = [...answer.redirects, answer]
      .map(({ headers }) => headers[name])
      .find((value) => value !== undefined);
    return header === undefined ? null : textOf(header).replace(/^W\//, '').replace(/^"|"$/g, '');
  };
  const [saidCommit, size, hash] = [said('x-repo-commit'), said('x-linked-size'), said('x-linked-etag')];
  const contradiction =
    saidCommit !== null && saidCommit !== commit
      ? `it is of commit ${saidCommit}, not ${commit}`
      : size !== null && Number(size) !== file.sizeBytes
        ? `it has ${size} bytes, its list says ${file.sizeBytes}`
        : hash !== null && file.identity.kind === 'sha256' && /^[0-9a-f]{64}$/.test(hash) && hash !== file.identity.hex
          ? `its SHA-256 is ${hash}, its list says ${file.identity.hex}`
          : null;
  if (contradiction !== null)
    throw failed(`the hub contradicts itself on ${file.path}: ${contradiction}`, { retryable: false });
}

function textOf(header: string | readonly string[] | undefined): string {
  const text = typeof header === 'string' ? header : (header?.[0] ?? '');
  return text.replace(/[^\x20-\x7e]/g, ' ').slice(0, 300);
}

/** Seconds or a date. Source: RFC 9110 section 10.2.3. */
function readRetryAfterMs(header: string | undefined, now: Date): number | null {
  if (header === undefined) return null;
  const ms = /^\d{1,9}$/.test(header) ? Number(header) * 1000 : Date.parse(header) - now.getTime();
  return Number.isFinite(ms) ? Math.max(0, ms) : null;
}

/** The error of a hub that cannot be read from. */
export function failed(
  problem: string,
  options: { readonly retryable?: boolean; readonly cause?: unknown; readonly details?: AmaasError['details'] } = {},
): AmaasError {
  return new AmaasError('FETCH_FAILED', `hub: ${problem}`, options);
}
