// The requests that have no complete reply yet, so that a server that ends can say so to those it does not wait for any
// longer. Knows neither sockets nor what replies look like.
import type { AmaasError } from '@amaas/core';
import type { Exchange } from './exchange.ts';

interface UnderWay {
  readonly exchange: Exchange;
  /** Answers it with an error. */
  readonly refuse: (why: AmaasError) => void;
}

/** So many are kept without a look at which of them are done. */
const LEAST_KEPT = 64;

export class RequestsUnderWay {
  #requests: UnderWay[] = [];
  #mostKept = LEAST_KEPT;

  /** Every request comes through here: a listener of each reply's end would cost more than a look at all of them now and then. */
  add(exchange: Exchange, refuse: (why: AmaasError) => void): void {
    this.#requests.push({ exchange, refuse });
    if (this.#requests.length <= this.#mostKept) return;
    this.#requests = this.#requests.filter(isOpen);
    this.#mostKept = Math.max(LEAST_KEPT, 2 * this.#requests.length);
  }

  /** Calls them all off: replies that have not begun are the error, streams end with it. */
  cutShort(why: AmaasError): void {
    for (const { exchange, refuse } of this.#requests.filter(isOpen)) {
      if (!exchange.response.headersSent) refuse(why);
      exchange.cutShort(why);
    }
  }
}

function isOpen({ exchange: { response } }: UnderWay): boolean {
  return !response.writableFinished && !response.destroyed;
}
