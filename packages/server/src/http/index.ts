export { listen, type Listener } from './listener.ts';
export { createRoutes, type RoutesParts } from './routes.ts';
