// The port of samplers: which configuration to try next, given all that is known. A sampler keeps nothing between
// questions, so a study is resumed by asking again; what it is "told" is the list of trials.
import type { Configuration } from './search-space.ts';
import type { TrialRecord } from './trial.ts';

export interface SamplerRequest {
  /** All trials so far, the running ones included. */
  readonly trials: readonly TrialRecord[];
  /** The number the next trial will have. */
  readonly index: number;
  /** 0 first; counted up when the answer was a configuration tried before and another is wanted. */
  readonly attempt: number;
}

export interface Sampler {
  /** The same answer to the same request, always. Null when the space has no more configurations. */
  ask(request: SamplerRequest): Configuration | null;
}
