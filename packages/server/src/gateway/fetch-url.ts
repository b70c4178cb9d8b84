// Fetches a file from a URL within the URL policy. Stores nothing and knows nothing of models.
import type { IncomingHttpHeaders } from 'node:http';
import type { Clock } from '@amaas/core';
import { failed, type OpenedUrl, openUrl, tooLarge } from './open-url.ts';
import { type ResolveHost, showUrl, type UrlPolicy } from './url-policy.ts';

/** A body on its way. */
export interface FetchedUrl {
  /** The bytes as they come; ends the connection when the consumer stops early. Iterate it or abort the signal. */
  readonly body: AsyncIterable<Uint8Array>;
  /** As announced; null where the server did not say. */
  readonly contentLength: number | null;
  /** After redirects. */
  readonly finalUrl: URL;
}

export interface FetchUrlOptions {
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
  readonly resolveHost?: ResolveHost;
}

/**
 * Starts a fetch; resolves once the header of the final answer has come.
 * @throws URL_REFUSED by the policy (address, scheme, redirect, size), FETCH_FAILED for everything the network or the
 *   other server does, CANCELLED when `signal` fires. Iterating the body throws the same.
 */
export async function fetchUrl(url: string, policy: UrlPolicy, options: FetchUrlOptions = {}): Promise<FetchedUrl> {
  const opened = await openUrl(url, policy, options);
  try {
    assertUsable(opened);
    const contentLength = announcedLength(opened.headers);
    if (contentLength !== null && contentLength > policy.maxBytes) throw tooLarge(opened.url, contentLength, policy);
    return { body: opened.body, contentLength, finalUrl: opened.url };
  } catch (error) {
    opened.close();
    throw error;
  }
}

function assertUsable({ url, status, headers }: OpenedUrl): void {
  if (status !== 200) {
    const retryable = status >= 500 || status === 429;
    throw failed(`${showUrl(url)} answered with status ${status}`, { retryable });
  }
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    throw failed(`${showUrl(url)} answered with content-encoding ${encoding.slice(0, 40)}, which was not asked for`, {
      retryable: false,
    });
  }
}

/** Null where the server did not say. */
function announcedLength(headers: IncomingHttpHeaders): number | null {
  const length = headers['content-length'];
  return length === undefined ? null : Number(length); // Node's parser has refused anything but digits
}
