// The journal of a study: one JSON object per line, appended as things happen, from which the study is rebuilt. Owns the
// format; where lines are kept is the caller's affair. Lines are ASCII, so that lengths in characters are lengths in bytes.
import { AmaasError } from '@amaas/core';
import { parseStudyDefinition, type StudyDefinition, studyDefinitionToJson } from './definition.ts';
import { parseConfiguration } from './parse-space.ts';
import { type Configuration, configurationToJson, type JsonValue, type SearchSpace } from './search-space.ts';
import type { Decision } from './trial.ts';

/** Raised when a line gets another meaning. */
const FORMAT = 1;

export type StudyEvent =
  | { readonly event: 'study'; readonly definition: StudyDefinition }
  | {
      readonly event: 'start';
      readonly trial: number;
      readonly configuration: Configuration;
      readonly promotedFrom: number | null;
      readonly atMs: number;
    }
  | {
      readonly event: 'report';
      readonly trial: number;
      readonly resource: number;
      readonly value: number;
      readonly decision: Decision;
      readonly atMs: number;
    }
  | {
      readonly event: 'end';
      readonly trial: number;
      readonly outcome: EndOutcome;
      readonly atMs: number;
    };

export type EndOutcome =
  | { readonly status: 'completed' | 'stopped'; readonly value: number }
  | { readonly status: 'failed'; readonly failure: string };

/** One line without its line break. */
export function formatEvent(event: StudyEvent): string {
  const text = JSON.stringify(eventToJson(event));
  return text.replace(/[\u007f-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function eventToJson(event: StudyEvent): JsonValue {
  switch (event.event) {
    case 'study':
      return { event: 'study', format: FORMAT, definition: studyDefinitionToJson(event.definition) };
    case 'start': {
      const { trial, configuration, promotedFrom, atMs } = event;
      return { event: 'start', trial, configuration: configurationToJson(configuration), promotedFrom, atMs };
    }
    case 'report': {
      const { trial, resource, value, decision, atMs } = event;
      return {
        event: 'report',
        trial,
        resource,
        value: Number.isFinite(value) ? value : String(value),
        decision,
        atMs,
      };
    }
    case 'end':
      return { event: 'end', trial: event.trial, ...event.outcome, atMs: event.atMs };
    default:
      return event satisfies never;
  }
}

export interface ParsedJournal {
  readonly events: readonly StudyEvent[];
  /** Characters (and bytes) up to the last whole line; cut the file there before appending to it. */
  readonly validLength: number;
}

/**
 * Reads a journal. A last line without a line break was cut off while being written and does not count.
 * @throws INVALID_DATA naming the line that is not an event, or INVALID_CONFIG for the definition on the first line.
 */
export function parseJournal(text: string): ParsedJournal {
  const validLength = text.lastIndexOf('\n') + 1;
  const lines = text.slice(0, validLength).split('\n').slice(0, -1);
  const events: StudyEvent[] = [];
  let space: SearchSpace | null = null;
  for (const [index, line] of lines.entries()) {
    const event = parseEvent(line, { number: index + 1, space });
    if (event.event === 'study') space = event.definition.space;
    events.push(event);
  }
  return { events, validLength };
}

function parseEvent(
  line: string,
  { number, space }: { readonly number: number; readonly space: SearchSpace | null },
): StudyEvent {
  const fail = (fault: string): AmaasError => new AmaasError('INVALID_DATA', `study journal: line ${number} ${fault}`);
  const fields = parseObject(line);
  if (fields === null) throw fail('is not a JSON object');
  const kind = fields.get('event');
  if (space === null) {
    if (kind !== 'study') throw fail('does not open a study');
    if (fields.get('format') !== FORMAT) {
      throw fail(`has format ${JSON.stringify(fields.get('format'))}, this amaas reads format ${FORMAT}`);
    }
    return { event: 'study', definition: parseStudyDefinition(fields.get('definition')) };
  }
  if (kind === 'study') throw fail('opens a second study');
  const numberOf = (name: string): number => {
    const value = fields.get(name);
    if (typeof value !== 'number') throw fail(`has no number "${name}"`);
    return value;
  };
  const trial = numberOf('trial');
  const atMs = numberOf('atMs');
  switch (kind) {
    case 'start':
      return {
        event: 'start',
        trial,
        configuration: parseConfiguration(space, fields.get('configuration')),
        promotedFrom: fields.get('promotedFrom') === null ? null : numberOf('promotedFrom'),
        atMs,
      };
    case 'report': {
      const value = fields.get('value');
      const decision = fields.get('decision');
      if (decision !== 'continue' && decision !== 'stop') throw fail('has no decision');
      if (typeof value === 'number')
        return { event: 'report', trial, resource: numberOf('resource'), value, decision, atMs };
      if (value !== 'NaN' && value !== 'Infinity' && value !== '-Infinity') throw fail('has no value');
      return { event: 'report', trial, resource: numberOf('resource'), value: Number(value), decision, atMs };
    }
    case 'end': {
      const status = fields.get('status');
      const failure = fields.get('failure');
      if (status === 'completed' || status === 'stopped') {
        return { event: 'end', trial, outcome: { status, value: numberOf('value') }, atMs };
      }
      if (status !== 'failed' || typeof failure !== 'string') throw fail('has no outcome');
      return { event: 'end', trial, outcome: { status, failure }, atMs };
    }
    default:
      throw fail(`has the unknown event ${JSON.stringify(kind)}`);
  }
}

function parseObject(line: string): ReadonlyMap<string, unknown> | null {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return null;
  }
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? new Map(Object.entries(value)) : null;
}
