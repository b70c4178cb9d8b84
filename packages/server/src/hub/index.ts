// Models from a hub: naming them, downloading them, admitting them.
export { HubClient, type HubClientParts } from './hub-client.ts';
export { HubPuller, type HubPullerParts, type PullEnd, type PullOptions } from './hub-puller.ts';
export type { PulledFile, PullEvent, PullProgress } from './pull-events.ts';
export { isHubReference, parseHubReference } from './reference.ts';
