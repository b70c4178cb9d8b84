// Pulling a model from a hub by the management API. A caller that goes away ends it; the next one goes on where it was.
import type { AmaasError, Manifest } from '@amaas/core';
import { encodeAdminError, PullRequestSchema, type VersionDetail } from '@amaas/protocols/admin';
import { authorize } from '../../gateway/index.ts';
import type { HubPuller, PullEvent } from '../../hub/index.ts';
import type { VersionRecord } from '../../registry/index.ts';
import { readJsonBody } from '../json-body.ts';
import { sendPieces } from '../stream-reply.ts';
import { eventText } from './event-stream.ts';
import type { Action } from './parameters.ts';
import type { PULL_ROUTES } from './pull-routes.ts';

export interface PullParts {
  readonly puller: HubPuller;
}

export function createPullActions(
  parts: PullParts,
  viewVersion: (version: VersionRecord) => Promise<VersionDetail>,
): Readonly<Record<keyof typeof PULL_ROUTES, Action>> {
  return {
    async pull(exchange) {
      const { principal, requestId } = exchange;
      const { reference, manifest, ...options } = await readJsonBody(exchange, PullRequestSchema);
      const events = parts.puller.pull(reference, {
        ...options,
        ...(manifest === undefined ? {} : { manifest: manifest as Manifest }), // the schema describes core's Manifest
        deployedBy: principal?.name ?? 'nobody',
        // The name may come from the reference; a key may be for some models only.
        authorize: (model) => principal !== null && authorize(principal, { scope: 'deploy', model }),
        signal: exchange.signal,
      });
      await sendPieces(exchange, {
        contentType: 'text/event-stream',
        pieces: eventTexts(events, viewVersion),
        errorPiece(error: AmaasError) {
          return eventText({ id: null, type: 'error', data: encodeAdminError(error, requestId).body.error });
        },
      });
    },
  };
}

async function* eventTexts(
  events: AsyncIterable<PullEvent>,
  viewVersion: (version: VersionRecord) => Promise<VersionDetail>,
): AsyncGenerator<string> {
  for await (const { type, ...data } of events) {
    const shown = 'version' in data ? { ...data, version: await viewVersion(data.version) } : data;
    yield eventText({ id: null, type, data: shown });
  }
}
