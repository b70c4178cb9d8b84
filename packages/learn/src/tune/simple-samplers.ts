// The samplers that learn nothing: random, quasi-random (scrambled Halton) and grid.
import { AmaasError } from '@amaas/core';
import type { Random } from '../statistics/index.ts';
import { axisOf, decodeConfiguration, indexOfValue, valueOfIndex } from './axis.ts';
import { createHalton } from './halton.ts';
import type { Sampler } from './sampler.ts';
import { buildConfiguration, type Configuration, type JsonValue, type SearchSpace } from './search-space.ts';

/** A configuration drawn from the space's own distributions. */
export function sampleConfiguration(space: SearchSpace, random: Random): Configuration {
  return decodeConfiguration(
    space,
    space.parameters.map(() => random.uniform()),
  );
}

/** Independent draws from the space. @param random - only forked, never drawn from. */
export function createRandomSampler(space: SearchSpace, random: Random): Sampler {
  return { ask: ({ index, attempt }) => sampleConfiguration(space, random.fork(index, attempt)) };
}

/** Scrambled Halton points; a second attempt for the same trial is random. */
export function createQuasiRandomSampler(space: SearchSpace, random: Random): Sampler {
  const sequence = createHalton(space.parameters.length, random.fork('halton'));
  return {
    ask({ index, attempt }) {
      if (attempt === 0) return decodeConfiguration(space, sequence.point(index));
      return sampleConfiguration(space, random.fork(index, attempt));
    },
  };
}

/**
 * Every configuration of a finite space once, the last parameter changing fastest.
 * @throws INVALID_CONFIG when a parameter is continuous; a `step` makes it finite.
 */
export function createGridSampler(space: SearchSpace): Sampler {
  const continuous = space.parameters.find(({ distribution }) => axisOf(distribution).kind === 'continuous');
  if (continuous !== undefined) {
    throw new AmaasError(
      'INVALID_CONFIG',
      `grid: "${continuous.name}" is continuous; give it a step or a choice of values`,
    );
  }
  return {
    ask({ trials }) {
      const last = trials.findLast(({ promotedFrom }) => promotedFrom === null);
      return last === undefined ? firstOfGrid(space) : nextOfGrid(space, last.configuration);
    },
  };
}

/** The first configuration of a finite space's grid. */
export function firstOfGrid(space: SearchSpace): Configuration {
  return buildConfiguration(space, ({ distribution }) => valueOfIndex(distribution, 0));
}

/** The configuration after `previous` on a finite space's grid, or null after the last. */
export function nextOfGrid(space: SearchSpace, previous: Configuration): Configuration | null {
  // Counting up as an odometer does: the last active digit that can rise does, all after it start anew.
  for (let at = space.parameters.length - 1; at >= 0; at--) {
    const parameter = space.parameters[at];
    const value = parameter === undefined ? undefined : previous.get(parameter.name);
    if (parameter === undefined || value === undefined) continue;
    const axis = axisOf(parameter.distribution);
    const index = indexOfValue(parameter.distribution, value);
    if (axis.kind === 'continuous' || index + 1 >= axis.count) continue;
    return buildConfiguration(space, ({ name, distribution }, i): JsonValue => {
      if (i < at) return previous.get(name) ?? valueOfIndex(distribution, 0);
      return valueOfIndex(distribution, i === at ? index + 1 : 0);
    });
  }
  return null;
}

/** Whether the space has finitely many configurations. */
export function isFiniteSpace(space: SearchSpace): boolean {
  return space.parameters.every(({ distribution }) => axisOf(distribution).kind !== 'continuous');
}
