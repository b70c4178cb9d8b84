// What a study is, as plain data: everything that decides its suggestions. Budgets and parallelism are not part of it:
// they may differ each time a study is run.
import { AmaasError } from '@amaas/core';
import { createRandom } from '../statistics/index.ts';
import { createAshaScheduler, createSuccessiveHalvingScheduler, rungResources } from './halving.ts';
import { createMedianStopping } from './median-stopping.ts';
import { parseSearchSpace, searchSpaceToJson } from './parse-space.ts';
import type { Sampler } from './sampler.ts';
import { type Scheduler, unscheduled } from './scheduler.ts';
import type { JsonValue, SearchSpace } from './search-space.ts';
import { createGridSampler, createQuasiRandomSampler, createRandomSampler } from './simple-samplers.ts';
import { createTpeSampler } from './tpe.ts';
import type { Direction } from './trial.ts';

const MAX_COHORT = 1e6;

export type SamplerSettings =
  | { readonly kind: 'random' | 'quasiRandom' | 'grid' }
  | {
      readonly kind: 'tpe';
      /** Trials with a value before the model is used. Default 10, as Optuna's. */
      readonly startupTrials?: number;
      /** Draws per suggestion. Default 24, as hyperopt's; more search the model better and the space less. */
      readonly candidates?: number;
      /** Part of the trials taken as good. Default 0.1, as Optuna's; 0.15 and 0.2 did worse on three of our four test functions. */
      readonly goodFraction?: number;
    };

export type SchedulerSettings =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'asha';
      readonly minResource: number;
      readonly maxResource: number;
      /** Default 3: near e, which the analysis of Hyperband favours. */
      readonly reductionFactor?: number;
    }
  | {
      readonly kind: 'successiveHalving';
      readonly minResource: number;
      readonly maxResource: number;
      readonly reductionFactor?: number;
      /** Trials of a first round. Default: so many that one is left for the last. */
      readonly cohort?: number;
    }
  | {
      readonly kind: 'median';
      /** Default 0: from the first report on. */
      readonly minResource?: number;
      /** Default 5. */
      readonly minTrials?: number;
    };

export interface StudyDefinition {
  readonly space: SearchSpace;
  readonly direction: Direction;
  readonly sampler: SamplerSettings;
  readonly scheduler: SchedulerSettings;
  readonly seed: string | number;
}

/**
 * Reads a definition from plain JSON; `direction`, `sampler`, `scheduler` and `seed` may be left out: minimise, TPE, none, 0.
 * @throws INVALID_CONFIG naming the field.
 */
export function parseStudyDefinition(json: unknown): StudyDefinition {
  const fields = readFields('study', { json, known: ['space', 'direction', 'sampler', 'scheduler', 'seed'] });
  const direction = fields.get('direction') ?? 'minimise';
  if (direction !== 'minimise' && direction !== 'maximise') {
    throw refuse(`study: direction is minimise or maximise, got ${JSON.stringify(direction)}`);
  }
  const seed = fields.get('seed') ?? 0;
  if (typeof seed !== 'string' && !Number.isSafeInteger(seed)) {
    throw refuse(`study: seed is text or a whole number, got ${JSON.stringify(seed)}`);
  }
  const definition: StudyDefinition = {
    space: parseSearchSpace(fields.get('space')),
    direction,
    sampler: parseSampler(fields.get('sampler') ?? { kind: 'tpe' }),
    scheduler: parseScheduler(fields.get('scheduler') ?? { kind: 'none' }),
    seed: typeof seed === 'string' ? seed : Number(seed),
  };
  createSampler(definition); // refuses spaces that the sampler cannot search
  createScheduler(definition);
  return definition;
}

/** The JSON that {@link parseStudyDefinition} reads back to the same definition. */
export function studyDefinitionToJson({ space, direction, sampler, scheduler, seed }: StudyDefinition): JsonValue {
  return { space: searchSpaceToJson(space), direction, sampler: { ...sampler }, scheduler: { ...scheduler }, seed };
}

export function createSampler({ space, direction, sampler, seed }: StudyDefinition): Sampler {
  const random = createRandom(seed).fork('sampler');
  switch (sampler.kind) {
    case 'random':
      return createRandomSampler(space, random);
    case 'quasiRandom':
      return createQuasiRandomSampler(space, random);
    case 'grid':
      return createGridSampler(space);
    case 'tpe': {
      const { startupTrials = 10, candidates = 24, goodFraction = 0.1 } = sampler;
      return createTpeSampler({ space, direction, random, startupTrials, candidates, goodFraction });
    }
    default:
      return sampler satisfies never;
  }
}

export function createScheduler({ direction, scheduler }: StudyDefinition): Scheduler {
  switch (scheduler.kind) {
    case 'none':
      return unscheduled;
    case 'median': {
      const { minResource = 0, minTrials = 5 } = scheduler;
      return createMedianStopping({ direction, minResource, minTrials });
    }
    case 'asha':
      return createAshaScheduler({ ...scheduler, direction, reductionFactor: scheduler.reductionFactor ?? 3 });
    case 'successiveHalving': {
      const halving = { ...scheduler, direction, reductionFactor: scheduler.reductionFactor ?? 3 };
      const cohort = scheduler.cohort ?? Math.ceil(halving.reductionFactor ** rungResources(halving).length - 1e-9);
      if (cohort > MAX_COHORT) {
        throw refuse(
          `scheduler successiveHalving: one survivor needs a cohort of ${cohort}; give a cohort or fewer rungs`,
        );
      }
      return createSuccessiveHalvingScheduler({ ...halving, cohort });
    }
    default:
      return scheduler satisfies never;
  }
}

function parseSampler(json: unknown): SamplerSettings {
  const kind = kindOf('sampler', { json, kinds: ['random', 'quasiRandom', 'grid', 'tpe'] as const });
  if (kind !== 'tpe') {
    readFields(`sampler ${kind}`, { json, known: ['kind'] });
    return { kind };
  }
  const fields = readFields('sampler tpe', { json, known: ['kind', 'startupTrials', 'candidates', 'goodFraction'] });
  return {
    kind,
    ...optional(
      'startupTrials',
      numberField('sampler tpe', { fields, name: 'startupTrials', whole: true, low: 1, high: 1e6 }),
    ),
    ...optional(
      'candidates',
      numberField('sampler tpe', { fields, name: 'candidates', whole: true, low: 1, high: 1e4 }),
    ),
    ...optional('goodFraction', numberField('sampler tpe', { fields, name: 'goodFraction', low: 0.001, high: 0.5 })),
  };
}

function parseScheduler(json: unknown): SchedulerSettings {
  const kind = kindOf('scheduler', { json, kinds: ['none', 'asha', 'successiveHalving', 'median'] as const });
  const place = `scheduler ${kind}`;
  if (kind === 'none') {
    readFields(place, { json, known: ['kind'] });
    return { kind };
  }
  if (kind === 'median') {
    const fields = readFields(place, { json, known: ['kind', 'minResource', 'minTrials'] });
    return {
      kind,
      ...optional('minResource', numberField(place, { fields, name: 'minResource', low: 0, high: Number.MAX_VALUE })),
      ...optional('minTrials', numberField(place, { fields, name: 'minTrials', whole: true, low: 1, high: 1e6 })),
    };
  }
  const known = ['kind', 'minResource', 'maxResource', 'reductionFactor', ...(kind === 'asha' ? [] : ['cohort'])];
  const fields = readFields(place, { json, known });
  const minResource = numberField(place, { fields, name: 'minResource', low: 1e-9, high: 1e15 });
  const maxResource = numberField(place, { fields, name: 'maxResource', low: 1e-9, high: 1e15 });
  // Below 1.5 rungs crowd; the bound also keeps their number small.
  const reductionFactor = numberField(place, { fields, name: 'reductionFactor', low: 1.5, high: 100 });
  if (minResource === undefined || maxResource === undefined)
    throw refuse(`${place}: needs minResource and maxResource`);
  if (minResource >= maxResource) {
    throw refuse(`${place}: needs minResource < maxResource, got ${minResource} and ${maxResource}`);
  }
  const halving = { minResource, maxResource, ...optional('reductionFactor', reductionFactor) };
  if (kind === 'asha') return { kind, ...halving };
  const cohort = numberField(place, { fields, name: 'cohort', whole: true, low: 2, high: MAX_COHORT });
  return { kind, ...halving, ...optional('cohort', cohort) };
}

function kindOf<K extends string>(
  place: string,
  { json, kinds }: { readonly json: unknown; readonly kinds: readonly K[] },
): K {
  const given = typeof json === 'object' && json !== null && 'kind' in json ? json.kind : undefined;
  const kind = kinds.find((candidate) => candidate === given);
  if (kind === undefined) throw refuse(`${place}: kind is one of ${kinds.join(', ')}, got ${JSON.stringify(given)}`);
  return kind;
}

function readFields(
  place: string,
  { json, known }: { readonly json: unknown; readonly known: readonly string[] },
): ReadonlyMap<string, unknown> {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw refuse(`${place}: expects an object`);
  const fields = new Map<string, unknown>(Object.entries(json));
  const unknown = [...fields.keys()].find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw refuse(`${place}: does not know ${JSON.stringify(unknown)}; it takes ${known.join(', ')}`);
  return fields;
}

interface NumberField {
  readonly fields: ReadonlyMap<string, unknown>;
  readonly name: string;
  readonly whole?: boolean;
  readonly low: number;
  readonly high: number;
}

function numberField(place: string, { fields, name, whole, low, high }: NumberField): number | undefined {
  const value = fields.get(name);
  if (value === undefined) return undefined;
  if (
    typeof value !== 'number' ||
    !(value >= low && value <= high) ||
    (whole === true && !Number.isSafeInteger(value))
  ) {
    const kind = whole === true ? 'a whole number' : 'a number';
    throw refuse(`${place}: ${name} is ${kind} from ${low} to ${high}, got ${JSON.stringify(value)}`);
  }
  return value;
}

function optional<N extends string>(name: N, value: number | undefined): { readonly [K in N]?: number } {
  // The computed key is exactly N; TypeScript widens it to string.
  return value === undefined ? {} : ({ [name]: value } as { readonly [K in N]?: number });
}

function refuse(message: string): AmaasError {
  return new AmaasError('INVALID_CONFIG', message);
}
