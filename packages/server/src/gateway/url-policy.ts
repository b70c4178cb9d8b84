// Which URLs the server may fetch on a caller's behalf: http(s) only, no credentials inside, public addresses only.
// A name is resolved once, every address it has is checked, and the connection goes to a checked address itself, so that
// a name which answers differently the second time gains nothing. Opens no connection.
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { AmaasError } from '@amaas/core';
import { specialAddressClass } from './address-classes.ts';

/** What the configuration says about fetching. */
export interface UrlPolicy {
  /** Whether private, loopback and other internal addresses may be reached. */
  readonly allowPrivate: boolean;
  /** Largest body. */
  readonly maxBytes: number;
  /** Longest a fetch may take in all, redirects and body included. */
  readonly timeoutMs: number;
  /** Longest it may go without a byte. */
  readonly stallTimeoutMs: number;
}

/** An address to connect to. */
export interface ResolvedAddress {
  readonly address: string;
  readonly family: 4 | 6;
}

/** Finds all addresses of a name; the system's resolver unless a test brings its own. */
export type ResolveHost = (hostname: string) => Promise<readonly ResolvedAddress[]>;

/** Longest URL that is looked at: presigned ones reach about 2,000 characters. */
const MAX_URL_LENGTH = 8_192;

/** A URL without its query, which may hold a signature: the form for messages and logs. */
export function showUrl(url: URL): string {
  return `${url.origin}${url.pathname}`.slice(0, 300);
}

/**
 * Reads the URL of a fetch. Number tricks in the host (`0x7f.1`, `2130706433`) come out as the address they mean.
 * @throws URL_REFUSED
 */
export function parseFetchUrl(text: string): URL {
  if (text.length > MAX_URL_LENGTH) throw refused(`the URL has ${text.length} characters; at most ${MAX_URL_LENGTH}`);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined)
    throw refused(`${JSON.stringify(text.split('?', 1)[0]?.slice(0, 300))} is not an absolute URL`);
  assertFetchable(url);
  return url;
}

/** Where a redirect leads. @throws URL_REFUSED for what parseFetchUrl refuses, and for leaving https. */
export function parseRedirect(from: URL, location: string | undefined): URL {
  if (location === undefined) throw refused(`${showUrl(from)} redirects without saying where to`);
  const url = URL.canParse(location, from) ? new URL(location, from) : undefined;
  if (url === undefined) throw refused(`${showUrl(from)} redirects to something that is not a URL`);
  assertFetchable(url);
  if (from.protocol === 'https:' && url.protocol === 'http:') {
    throw refused(`${showUrl(from)} redirects from https to http (${showUrl(url)})`);
  }
  return url;
}

function assertFetchable(url: URL): void {
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw refused(`expected a URL with http: or https:, got ${url.protocol}`);
  }
  if (url.username !== '' || url.password !== '') {
    throw refused(`${showUrl(url)} has a user name or password inside; they are not accepted there`);
  }
}

/**
 * Resolves the host of a URL and checks every address it has: one internal address among public ones refuses all.
 * @throws URL_REFUSED naming the class of the address; FETCH_FAILED when the name has no address.
 */
export async function resolveChecked(
  url: URL,
  policy: Pick<UrlPolicy, 'allowPrivate'>,
  resolveHost: ResolveHost = resolveBySystem,
): Promise<ResolvedAddress> {
  const addresses = await addressesOf(url, resolveHost);
  const [first] = addresses;
  if (first === undefined) throw unresolved(url, 'it has no address');
  if (policy.allowPrivate) return first;
  for (const { address } of addresses) {
    const special = specialAddressClass(address);
    if (special === null) continue;
    throw refused(
      `${showUrl(url)} leads to ${address} (${special}); this server fetches from public addresses only unless ` +
        'allowPrivateUrls is on',
    );
  }
  return first;
}

async function addressesOf(url: URL, resolveHost: ResolveHost): Promise<readonly ResolvedAddress[]> {
  const hostname = url.hostname.replace(/^\[|\]$/g, '');
  const version = isIP(hostname);
  if (version !== 0) return [{ address: hostname, family: version === 4 ? 4 : 6 }];
  try {
    return await resolveHost(hostname);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    throw unresolved(url, code === 'ENOTFOUND' ? 'there is no such name' : `the resolver answered ${code}`, error);
  }
}

async function resolveBySystem(hostname: string): Promise<readonly ResolvedAddress[]> {
  const addresses = await lookup(hostname, { all: true });
  return addresses.map(({ address, family }) => ({ address, family: family === 6 ? 6 : 4 }));
}

function unresolved(url: URL, why: string, cause?: unknown): AmaasError {
  return new AmaasError('FETCH_FAILED', `fetch: the host "${url.hostname}" cannot be resolved: ${why}`, { cause });
}

/** The error of a URL the policy refuses. */
export function refused(problem: string): AmaasError {
  return new AmaasError('URL_REFUSED', `fetch: ${problem}`);
}
