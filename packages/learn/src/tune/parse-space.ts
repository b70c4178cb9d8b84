// Search spaces and configurations from plain JSON, as people write them and as journals keep them. Everything is
// checked here, once; the rest of `tune` trusts a SearchSpace.
import { AmaasError } from '@amaas/core';
import { isOnAxis } from './axis.ts';
import {
  buildConfiguration,
  type Condition,
  type Configuration,
  cutJson,
  type Distribution,
  type JsonValue,
  type Parameter,
  type SearchSpace,
} from './search-space.ts';

/** More parameters than any search can learn about are a mistake. */
const MAX_PARAMETERS = 200;
const MAX_CHOICES = 10_000;
/** Choices such as `[64, 32]` need one level; deep ones are no settings any more, and recursion stays bounded. */
const MAX_VALUE_DEPTH = 8;

const KINDS = ['uniform', 'logUniform', 'integer', 'logInteger', 'choice', 'boolean', 'constant'] as const;

/**
 * Reads a search space: an object whose keys are parameter names and whose values are either a constant (text, number,
 * boolean, null, list) or an object with exactly one of
 * `{"uniform": [low, high]}`, `{"logUniform": [low, high]}`, `{"integer": [low, high]}`, `{"logInteger": [low, high]}`,
 * `{"choice": [values…]}`, `{"boolean": true}`, `{"constant": value}`;
 * `uniform` and `integer` may have a `"step"`; any may have `"when": {"other": value}` or `{"other": [values…]}`
 * (a list always means any of), which makes the parameter active only then.
 * @throws INVALID_CONFIG naming the parameter and what is wrong.
 * @example parseSearchSpace({ learningRate: { logUniform: [1e-5, 1e-1] }, layers: { integer: [1, 4] } });
 */
export function parseSearchSpace(json: unknown): SearchSpace {
  if (!isRecord(json)) throw refuse(`expects an object of parameters, got ${nameKind(json)}`);
  const entries = Object.entries(json);
  if (entries.length === 0) throw refuse('has no parameters');
  if (entries.length > MAX_PARAMETERS) {
    throw refuse(`has ${entries.length} parameters, at most ${MAX_PARAMETERS} are allowed`);
  }
  const parameters = entries.map(([name, value]) => parseParameter(name, value));
  return { parameters: orderByConditions(parameters) };
}

/** The JSON that {@link parseSearchSpace} reads back to the same space. */
export function searchSpaceToJson(space: SearchSpace): { readonly [name: string]: JsonValue } {
  return Object.fromEntries(space.parameters.map((parameter) => [parameter.name, parameterToJson(parameter)]));
}

function parameterToJson({ distribution, conditions }: Parameter): JsonValue {
  const when =
    conditions.length === 0
      ? {}
      : { when: Object.fromEntries(conditions.map(({ parameter, values }) => [parameter, values])) };
  switch (distribution.kind) {
    case 'uniform':
    case 'integer': {
      const { kind, low, high, step } = distribution;
      return { [kind]: [low, high], ...(step === null ? {} : { step }), ...when };
    }
    case 'logUniform':
    case 'logInteger':
      return { [distribution.kind]: [distribution.low, distribution.high], ...when };
    case 'choice':
      return { choice: distribution.values, ...when };
    case 'boolean':
      return { boolean: true, ...when };
    case 'constant':
      return { constant: distribution.value, ...when };
    default:
      return distribution satisfies never;
  }
}

/**
 * Checks a configuration that was kept as JSON against the space: all active parameters with values of their range,
 * and no others.
 * @throws INVALID_DATA naming the parameter.
 */
export function parseConfiguration(space: SearchSpace, json: unknown): Configuration {
  if (!isRecord(json)) {
    throw new AmaasError('INVALID_DATA', `configuration: expects an object of values, got ${nameKind(json)}`);
  }
  const given = new Map(Object.entries(json));
  const configuration = buildConfiguration(space, ({ name, distribution }) => {
    const value = given.get(name);
    if (value === undefined) throw new AmaasError('INVALID_DATA', `configuration: "${name}" is missing`);
    if (!isJsonValue(value) || !isOnAxis(distribution, value)) {
      throw new AmaasError('INVALID_DATA', `configuration: "${name}" cannot be ${quote(value)}`);
    }
    return value;
  });
  const extra = [...given.keys()].find((name) => !configuration.has(name));
  if (extra !== undefined) {
    throw new AmaasError('INVALID_DATA', `configuration: "${extra}" is not an active parameter of the space`);
  }
  return configuration;
}

function parseParameter(name: string, json: unknown): Parameter {
  if (name === '' || name.length > 200) throw refuse(`parameter names have 1 to 200 characters, got ${quote(name)}`);
  if (!isRecord(json)) {
    return { name, distribution: { kind: 'constant', value: parseValue(name, json) }, conditions: [] };
  }
  const given = KINDS.filter((candidate) => Object.hasOwn(json, candidate));
  const kind = given[0];
  if (kind === undefined || given.length > 1) {
    throw refuse(`"${name}" needs exactly one of ${KINDS.join(', ')}, got ${quote(Object.keys(json))}`);
  }
  const mayStep = kind === 'uniform' || kind === 'integer';
  const unknown = Object.keys(json).find((key) => key !== kind && key !== 'when' && !(key === 'step' && mayStep));
  if (unknown !== undefined) throw refuse(`"${name}" (${kind}) does not know ${quote(unknown)}`);
  return {
    name,
    distribution: parseDistribution(name, { kind, json }),
    conditions: json['when'] === undefined ? [] : parseConditions(name, json['when']),
  };
}

function parseDistribution(
  name: string,
  { kind, json }: { kind: (typeof KINDS)[number]; json: Readonly<Record<string, unknown>> },
): Distribution {
  const value = json[kind];
  switch (kind) {
    case 'uniform': {
      const [low, high] = parseBounds(name, { kind, value });
      return { kind, low, high, step: parseStep(name, { step: json['step'], low, high }) };
    }
    case 'integer': {
      const [low, high] = parseWholeBounds(name, { kind, value });
      const step = parseStep(name, { step: json['step'], low, high }) ?? 1;
      if (!Number.isSafeInteger(step)) throw refuse(`"${name}" needs a whole step, got ${step}`);
      return { kind, low, high, step };
    }
    case 'logUniform': {
      const [low, high] = parseBounds(name, { kind, value });
      if (low <= 0) throw refuse(`"${name}" logUniform needs low > 0, got ${low}`);
      return { kind, low, high };
    }
    case 'logInteger': {
      const [low, high] = parseWholeBounds(name, { kind, value });
      if (low < 1) throw refuse(`"${name}" logInteger needs low ≥ 1, got ${low}`);
      return { kind, low, high };
    }
    case 'choice':
      return { kind, values: parseChoices(name, value) };
    case 'boolean':
      if (value !== true) throw refuse(`"${name}" is written {"boolean": true}, got ${quote(value)}`);
      return { kind };
    case 'constant':
      return { kind, value: parseValue(name, value) };
    default:
      return kind satisfies never;
  }
}

function parseBounds(name: string, { kind, value }: { kind: string; value: unknown }): readonly [number, number] {
  if (!Array.isArray(value) || value.length !== 2)
    throw refuse(`"${name}" ${kind} needs [low, high], got ${quote(value)}`);
  const [low, high]: unknown[] = value;
  if (typeof low !== 'number' || typeof high !== 'number' || !Number.isFinite(high - low)) {
    throw refuse(`"${name}" ${kind} needs two finite numbers, got ${quote(value)}`);
  }
  if (low >= high) throw refuse(`"${name}" ${kind} needs low < high, got ${low} and ${high}`);
  return [low, high];
}

function parseWholeBounds(name: string, { kind, value }: { kind: string; value: unknown }): readonly [number, number] {
  const [low, high] = parseBounds(name, { kind, value });
  if (!Number.isSafeInteger(low) || !Number.isSafeInteger(high) || !Number.isSafeInteger(high - low + 1)) {
    throw refuse(`"${name}" ${kind} needs whole bounds, got ${low} and ${high}`);
  }
  return [low, high];
}

function parseStep(name: string, { step, low, high }: { step: unknown; low: number; high: number }): number | null {
  if (step === undefined) return null;
  if (typeof step !== 'number' || !(step > 0) || !(step <= high - low)) {
    throw refuse(`"${name}" needs a step above 0 and at most ${high - low}, got ${quote(step)}`);
  }
  if (!Number.isSafeInteger(Math.floor((high - low) / step))) throw refuse(`"${name}" has too small a step, ${step}`);
  return step;
}

function parseChoices(name: string, value: unknown): readonly JsonValue[] {
  if (!Array.isArray(value) || value.length === 0) {
    throw refuse(`"${name}" choice needs a list of at least one value, got ${quote(value)}`);
  }
  if (value.length > MAX_CHOICES)
    throw refuse(`"${name}" has ${value.length} choices, at most ${MAX_CHOICES} are allowed`);
  const values = value.map((choice) => parseValue(name, choice));
  const seen = new Set<string>();
  for (const choice of values) {
    const text = JSON.stringify(choice);
    if (seen.has(text)) throw refuse(`"${name}" has the choice ${quote(choice)} twice`);
    seen.add(text);
  }
  return values;
}

function parseValue(name: string, value: unknown): JsonValue {
  if (!isJsonValue(value)) {
    throw refuse(`"${name}" needs JSON values of at most ${MAX_VALUE_DEPTH} levels, got ${quote(value)}`);
  }
  return value;
}

function parseConditions(name: string, json: unknown): readonly Condition[] {
  if (!isRecord(json) || Object.keys(json).length === 0) {
    throw refuse(`"${name}" when needs {"other parameter": value}, got ${quote(json)}`);
  }
  return Object.entries(json).map(([parameter, allowed]) => {
    const values = (Array.isArray(allowed) ? allowed : [allowed]).map((value) => parseValue(name, value));
    if (values.length === 0) throw refuse(`"${name}" when "${parameter}" allows no value`);
    return { parameter, values };
  });
}

/** Parents first, otherwise as written; refuses unknown parents, values a parent cannot have, and circles. */
function orderByConditions(parameters: readonly Parameter[]): readonly Parameter[] {
  const byName = new Map(parameters.map((parameter) => [parameter.name, parameter]));
  for (const { name, conditions } of parameters) {
    for (const { parameter, values } of conditions)
      checkCondition(name, { parent: byName.get(parameter), parameter, values });
  }
  const ordered: Parameter[] = [];
  const placed = new Set<string>();
  let waiting = [...parameters];
  while (waiting.length > 0) {
    const index = waiting.findIndex(({ conditions }) => conditions.every(({ parameter }) => placed.has(parameter)));
    const next = waiting[index];
    if (next === undefined) {
      throw refuse(
        `the conditions of ${waiting.map(({ name }) => `"${name}"`).join(', ')} depend on one another in a circle`,
      );
    }
    ordered.push(next);
    placed.add(next.name);
    waiting = waiting.filter((_, i) => i !== index);
  }
  return ordered;
}

function checkCondition(
  name: string,
  { parent, parameter, values }: Condition & { readonly parent: Parameter | undefined },
): void {
  if (parent === undefined) throw refuse(`"${name}" depends on "${parameter}", which is not a parameter`);
  const { distribution } = parent;
  if (distribution.kind === 'logUniform' || (distribution.kind === 'uniform' && distribution.step === null)) {
    throw refuse(`"${name}" cannot depend on "${parameter}", whose values are continuous`);
  }
  const impossible = values.find((value) => !isOnAxis(distribution, value));
  if (impossible !== undefined) {
    throw refuse(`"${name}" depends on "${parameter}" being ${quote(impossible)}, which it cannot be`);
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isJsonValue(value: unknown, depth = 0): value is JsonValue {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return true;
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value !== 'object' || depth >= MAX_VALUE_DEPTH) return false;
  return Object.values(value).every((item) => isJsonValue(item, depth + 1));
}

function nameKind(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'a list' : `a ${typeof value}`;
}

function quote(value: unknown): string {
  if (typeof value === 'number') return String(value); // JSON would write NaN as null
  return isJsonValue(value) ? cutJson(value) : nameKind(value);
}

function refuse(fault: string): AmaasError {
  return new AmaasError('INVALID_CONFIG', `search space: ${fault}`);
}
