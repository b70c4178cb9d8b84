// How a setting is called in each place it can come from, and what is allowed for it, in words.
import { type ConfigKey, SETTINGS, type Setting } from './settings.ts';

/** `maxRequestBytes` → `AMAAS_MAX_REQUEST_BYTES`. */
export function environmentName(key: ConfigKey): string {
  return `AMAAS_${key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

/** `maxRequestBytes` → `--max-request-bytes`. */
export function flagName(key: ConfigKey): string {
  return `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** What a setting allows: `a whole number from 0 to 65535`. */
export function allowedInWords(setting: Setting): string {
  if (setting.allowed !== undefined) return setting.allowed;
  if (setting.enum !== undefined) return setting.enum.map((value) => `"${value}"`).join(' or ');
  if (setting.type === 'boolean') return '"on" or "off"';
  return `a whole number from ${setting.minimum} to ${setting.maximum}`;
}

/** One setting as `--help` and the docs show it. */
export interface SettingDescription {
  readonly key: ConfigKey;
  readonly flag: string;
  readonly environment: string;
  /** As text; empty where the setting has none. */
  readonly default: string;
  readonly allowed: string;
  /** Why the bounds lie where they lie; empty where there are none. */
  readonly bounds: string;
  readonly description: string;
  readonly secret: boolean;
}

/** Every setting, in the order of the table. */
export function describeConfig(): readonly SettingDescription[] {
  return [...SETTINGS].map(([key, setting]) => ({
    key,
    flag: flagName(key),
    environment: environmentName(key),
    default: setting.defaultText ?? defaultAsText(setting.default),
    allowed: allowedInWords(setting),
    bounds: setting.bounds ?? '',
    description: setting.description,
    secret: setting.secret === true,
  }));
}

function defaultAsText(value: unknown): string {
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return '';
  return typeof value === 'boolean' ? (value ? 'on' : 'off') : String(value);
}

/** The candidate closest to `name`, or undefined when none is close enough to be meant. */
export function nearestName(name: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  // A third of the letters wrong: still a slip; more: another word.
  let bestDistance = Math.floor(name.length / 3) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Least number of single-letter changes between two words (Levenshtein). */
function editDistance(from: string, to: string): number {
  let previous = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const substitution = (previous[column - 1] ?? 0) + (from[row - 1] === to[column - 1] ? 0 : 1);
      current.push(Math.min(substitution, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[to.length] ?? 0;
}
