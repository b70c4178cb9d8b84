export { listen, type Listener } from './listener.ts';
export { LocalCalls } from './local-calls.ts';
export { RequestsUnderWay } from './requests-under-way.ts';
export { createRoutes, type RoutesParts } from './routes.ts';
