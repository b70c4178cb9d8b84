// What may be varied of a table's network: the names a search space can use, what their values may be, the space that is
// searched when none is given, and how one configuration becomes settings.
import { AmaasError } from '@amaas/core';
import {
  type Configuration,
  type Distribution,
  type JsonValue,
  parseSearchSpace,
  type SearchSpace,
} from '../tune/index.ts';
import type { TableModelOptions } from './choose-network.ts';

/** Settings that a space may vary: all but the epochs, which are what a trial is given more or less of. */
export type TunedSetting = Exclude<keyof TableModelOptions, 'epochs'>;

interface SettingRule {
  readonly expects: string;
  readonly allows: (value: JsonValue) => boolean;
}

const isNumber = (value: JsonValue, low: number, high: number): boolean =>
  typeof value === 'number' && value >= low && value <= high;
const isWhole = (value: JsonValue, high: number): boolean => isNumber(value, 1, high) && Number.isSafeInteger(value);

/** Beyond these bounds lie mistakes, not networks for tables. */
const MAX_LAYERS = 16;
const MAX_UNITS = 16_384;

const RULES: Readonly<Record<TunedSetting, SettingRule>> = {
  hidden: {
    expects: `lists of at most ${MAX_LAYERS} widths from 1 to ${MAX_UNITS}, such as {"choice": [[32], [64, 32]]}`,
    allows: (value) =>
      Array.isArray(value) && value.length <= MAX_LAYERS && value.every((units) => isWhole(units, MAX_UNITS)),
  },
  dropout: { expects: 'numbers from 0 to 0.95', allows: (value) => isNumber(value, 0, 0.95) },
  learningRate: { expects: 'numbers above 0, at most 10', allows: (value) => isNumber(value, 1e-9, 10) },
  weightDecay: { expects: 'numbers from 0 to 100', allows: (value) => isNumber(value, 0, 100) },
  l2: { expects: 'numbers from 0 to 100', allows: (value) => isNumber(value, 0, 100) },
  batchSize: { expects: 'whole numbers from 1 to 1000000', allows: (value) => isWhole(value, 1_000_000) },
};

/** Names that a space for tables may use. */
// Object.keys of a record gives its keys; TypeScript widens them to string.
export const TUNED_SETTINGS = Object.keys(RULES) as readonly TunedSetting[];

/**
 * The space searched when none is given, from the number of rows: networks around the default, and rates over the two
 * orders of magnitude in which good ones lie.
 * @param fixed - settings that are given and so not searched
 */
export function defaultTableSpace(rows: number, fixed: Partial<TableModelOptions> = {}): SearchSpace {
  const small = rows < 2000;
  const hidden = small
    ? [[8], [16], [32], [64], [16, 8], [32, 16], [64, 32], [32, 16, 8]]
    : [[32], [64], [128], [256], [64, 32], [128, 64], [256, 128], [128, 64, 32]];
  const sizes = (small ? [16, 32, 64] : [64, 128, 256, 512]).filter((size) => size === 16 || size * 4 <= rows);
  const space = {
    hidden: { choice: hidden },
    dropout: { uniform: [0, 0.5] },
    learningRate: { logUniform: [3e-4, 3e-2] },
    weightDecay: { logUniform: [1e-3, 0.5] },
    batchSize: { choice: sizes },
  };
  const searched = Object.entries(space).filter(([name]) => !Object.hasOwn(fixed, name));
  if (searched.length === 0) {
    throw new AmaasError(
      'INVALID_CONFIG',
      'tune: every setting is given, so there is nothing to search; leave some out',
    );
  }
  return parseSearchSpace(Object.fromEntries(searched));
}

/** @throws INVALID_CONFIG when a space varies what a table's network does not have, or by values it cannot have */
export function checkTableSpace({ parameters }: SearchSpace, fixed: Partial<TableModelOptions> = {}): void {
  for (const { name, distribution } of parameters) {
    const setting = TUNED_SETTINGS.find((known) => known === name);
    if (setting === undefined) {
      const why =
        name === 'epochs' ? 'the epochs are what trials are given more or less of' : 'a table has no such setting';
      throw refuse(`"${name}" cannot be searched: ${why}; known are ${TUNED_SETTINGS.join(', ')}`);
    }
    if (Object.hasOwn(fixed, name)) throw refuse(`"${name}" is searched and given as a setting; choose one`);
    const { expects, allows } = RULES[setting];
    const bad = outermost(distribution).find((value) => !allows(value));
    if (bad !== undefined) throw refuse(`"${name}" takes ${expects}; the space has ${JSON.stringify(bad)}`);
  }
}

/** Values that are allowed only if all of the distribution's are: the rules are intervals. */
function outermost(distribution: Distribution): readonly JsonValue[] {
  switch (distribution.kind) {
    case 'uniform':
    case 'logUniform':
    case 'integer':
    case 'logInteger':
      return [
        distribution.low,
        distribution.high,
        ...(distribution.kind.endsWith('niform') ? [betweenOf(distribution)] : []),
      ];
    case 'choice':
      return distribution.values;
    case 'boolean':
      return [false, true];
    case 'constant':
      return [distribution.value];
    default:
      return distribution satisfies never;
  }
}

/** A value that whole-number rules refuse where the distribution is continuous. */
function betweenOf({ low, high }: { readonly low: number; readonly high: number }): number {
  return low + (high - low) / Math.PI;
}

/** Settings of one configuration of a checked space. */
export function tunedSettings(configuration: Configuration): Partial<TableModelOptions> {
  return Object.fromEntries([...configuration]); // checkTableSpace has seen to names and values
}

function refuse(fault: string): AmaasError {
  return new AmaasError('INVALID_CONFIG', `search space: ${fault}`);
}
