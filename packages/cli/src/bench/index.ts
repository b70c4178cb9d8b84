// The load generator, for `amaas bench`, the project's own benchmarks and tests.
export { HISTOGRAM_RELATIVE_ERROR, LatencyHistogram } from './histogram.ts';
export { type LoadErrors, type LoadPlan, type LoadReport, runLoad } from './load.ts';
export { encodeHttpRequest } from './http-request.ts';
