// What may be varied and how: the parameters of a search space and the values one trial gets from them.
// Knows no samplers; reading a space from JSON is in parse-space.ts, mapping values to the unit interval in axis.ts.

/** Plain JSON: what choices and constants may be, and what journals hold. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/** How the values of one parameter are spread. Both bounds belong to the range. */
export type Distribution =
  | { readonly kind: 'uniform'; readonly low: number; readonly high: number; readonly step: number | null }
  | { readonly kind: 'logUniform'; readonly low: number; readonly high: number }
  | { readonly kind: 'integer'; readonly low: number; readonly high: number; readonly step: number }
  | { readonly kind: 'logInteger'; readonly low: number; readonly high: number }
  | { readonly kind: 'choice'; readonly values: readonly JsonValue[] }
  | { readonly kind: 'boolean' }
  | { readonly kind: 'constant'; readonly value: JsonValue };

/** Holds when `parameter` is itself active and has one of `values`. */
export interface Condition {
  readonly parameter: string;
  readonly values: readonly JsonValue[];
}

export interface Parameter {
  readonly name: string;
  readonly distribution: Distribution;
  /** All must hold for the parameter to be active; an inactive parameter has no value. */
  readonly conditions: readonly Condition[];
}

/** The parameters in an order in which those that decide about others come first. */
export interface SearchSpace {
  readonly parameters: readonly Parameter[];
}

/** The values of one trial: every active parameter of the space by name, no other. */
export type Configuration = ReadonlyMap<string, JsonValue>;

/** Whether a parameter has a value, given the values of the parameters before it. */
export function isActive(parameter: Parameter, configuration: Configuration): boolean {
  return parameter.conditions.every(({ parameter: parent, values }) => {
    const value = configuration.get(parent);
    return value !== undefined && values.some((allowed) => sameJson(allowed, value));
  });
}

/** Builds a configuration in order, asking `choose` for each active parameter. */
export function buildConfiguration(
  space: SearchSpace,
  choose: (parameter: Parameter, index: number) => JsonValue,
): Configuration {
  const configuration = new Map<string, JsonValue>();
  for (const [index, parameter] of space.parameters.entries()) {
    if (isActive(parameter, configuration)) configuration.set(parameter.name, choose(parameter, index));
  }
  return configuration;
}

/** Text that is equal exactly for equal configurations of one space. */
export function configurationKey(configuration: Configuration): string {
  return JSON.stringify([...configuration]);
}

/** A configuration as a plain object; its own properties only, so that no name is special. */
export function configurationToJson(configuration: Configuration): { readonly [name: string]: JsonValue } {
  return Object.fromEntries(configuration);
}

/** Equality of JSON values; objects count as equal only with their keys in the same order. */
export function sameJson(a: JsonValue, b: JsonValue): boolean {
  return a === b || (typeof a === 'object' && typeof b === 'object' && JSON.stringify(a) === JSON.stringify(b));
}

/** One line per parameter for people: `learningRate  0.00001 … 0.1, logarithmic`. */
export function describeSearchSpace(space: SearchSpace): readonly string[] {
  const width = Math.max(0, ...space.parameters.map(({ name }) => name.length));
  return space.parameters.map(({ name, distribution, conditions }) => {
    const when = conditions.map(({ parameter, values }) => `${parameter} is ${values.map(shortJson).join(' or ')}`);
    const condition = when.length === 0 ? '' : `, when ${when.join(' and ')}`;
    return `${name.padEnd(width)}  ${describeDistribution(distribution)}${condition}`;
  });
}

function describeDistribution(distribution: Distribution): string {
  switch (distribution.kind) {
    case 'uniform': {
      const { low, high, step } = distribution;
      return `${low} … ${high}${step === null ? '' : ` in steps of ${step}`}`;
    }
    case 'logUniform':
      return `${distribution.low} … ${distribution.high}, logarithmic`;
    case 'integer': {
      const { low, high, step } = distribution;
      return `whole ${low} … ${high}${step === 1 ? '' : ` in steps of ${step}`}`;
    }
    case 'logInteger':
      return `whole ${distribution.low} … ${distribution.high}, logarithmic`;
    case 'choice':
      return `one of ${distribution.values.map(shortJson).join(', ')}`;
    case 'boolean':
      return 'false or true';
    case 'constant':
      return `always ${shortJson(distribution.value)}`;
    default:
      return distribution satisfies never;
  }
}

/** A JSON value for tables: a plain word goes without quotes, anything long is cut. */
export function shortJson(value: JsonValue): string {
  return typeof value === 'string' && /^[\w.+-]{1,60}$/.test(value) ? value : cutJson(value);
}

/** A JSON value for messages, cut where it is long. */
export function cutJson(value: JsonValue): string {
  const text = JSON.stringify(value);
  return text.length <= 60 ? text : `${text.slice(0, 57)}...`;
}
