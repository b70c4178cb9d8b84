// The requests that have no complete reply yet, so that a server that ends can say so to those it does not wait for any
// longer. Knows neither sockets nor what replies look like.
import type { AmaasError } from '@amaas/core';
import type { Exchange } from './exchange.ts';

export class RequestsUnderWay {
  /** Each with what answers it where no reply has begun. */
  readonly #refusals = new Map<Exchange, (why: AmaasError) => void>();

  /** @param refuse - answers it with an error */
  add(exchange: Exchange, refuse: (why: AmaasError) => void): void {
    this.#refusals.set(exchange, refuse);
    exchange.response.once('close', () => this.#refusals.delete(exchange));
  }

  /** Calls them all off: replies that have not begun are the error, streams end with it. */
  cutShort(why: AmaasError): void {
    for (const [exchange, refuse] of this.#refusals) {
      if (!exchange.response.headersSent) refuse(why);
      exchange.cutShort(why);
    }
  }
}
