// What server and child process say to each other over IPC, and the checks of what comes from a child: it runs our code
// on somebody's data, and may be broken in any way.
import { isErrorReason, type SerializedError } from '@amaas/core';
import type { JobProgress, Json } from './types.ts';

/** From the server. */
export type ToChild =
  | {
      readonly type: 'start';
      readonly id: string;
      readonly kind: string;
      readonly attempt: number;
      readonly configuration: unknown;
      readonly inputs: Json;
      readonly directory: string;
      readonly resultPath: string;
    }
  | { readonly type: 'stop'; readonly why: StopReason };

/** Why a child is asked to end: it was cancelled, or the server stops and will resume it. */
export type StopReason = 'cancel' | 'shutdown';

/** From the child. A result has been written to `resultPath` before it is said. */
export type FromChild =
  | { readonly type: 'progress'; readonly progress: JobProgress }
  | { readonly type: 'checkpoint'; readonly note: Json }
  | { readonly type: 'result' }
  | { readonly type: 'error'; readonly error: SerializedError };

/** Longest texts and lists taken; what is longer is cut or dropped, so that nothing a child says weighs much. */
const MAX_WORD = 200;
const MAX_TEXT = 4000;
const MAX_METRICS = 200;
const MAX_DETAIL_LENGTH = 64 * 1024;

/** The message, or null for what is none. */
export function readFromChild(message: unknown): FromChild | null {
  if (!isRecord(message)) return null;
  switch (message['type']) {
    case 'progress': {
      const progress = readProgress(message['progress']);
      return progress === null ? null : { type: 'progress', progress };
    }
    case 'checkpoint':
      return { type: 'checkpoint', note: readDetail(message['note']) ?? null };
    case 'result':
      return { type: 'result' };
    case 'error':
      return { type: 'error', error: readError(message['error']) };
    default:
      return null;
  }
}

/** Progress as it may be shown and kept, null when there is no phase. Numbers that are none are left out. */
export function readProgress(value: unknown): JobProgress | null {
  if (!isRecord(value) || typeof value['phase'] !== 'string') return null;
  const { fraction, message, metrics } = value;
  const detail = readDetail(value['detail']);
  return {
    phase: value['phase'].slice(0, MAX_WORD),
    fraction: isFiniteNumber(fraction) ? Math.min(1, Math.max(0, fraction)) : null,
    ...numberField('step', value['step']),
    ...numberField('totalSteps', value['totalSteps']),
    ...numberField('loss', value['loss']),
    ...(isRecord(metrics) ? { metrics: readMetrics(metrics) } : {}),
    ...(typeof message === 'string' ? { message: message.slice(0, MAX_TEXT) } : {}),
    ...(detail === undefined ? {} : { detail }),
  };
}

function readMetrics(metrics: Readonly<Record<string, unknown>>): Readonly<Record<string, number>> {
  const known = Object.entries(metrics).filter(
    (entry): entry is [string, number] => isFiniteNumber(entry[1]) && entry[0].length <= MAX_WORD,
  );
  return Object.fromEntries(known.slice(0, MAX_METRICS)); // fromEntries makes own properties, also of __proto__
}

/** JSON of bounded size; undefined for nothing, and for what is too large. */
function readDetail(value: unknown): Json | undefined {
  if (value === undefined || value === null) return undefined;
  // What came over IPC was parsed from JSON.
  return JSON.stringify(value).length <= MAX_DETAIL_LENGTH ? (value as Json) : undefined;
}

function readError(value: unknown): SerializedError {
  const error = isRecord(value) ? value : {};
  const { reason, message, details, retryable } = error;
  return {
    reason: isErrorReason(reason) ? reason : 'INTERNAL',
    message: typeof message === 'string' ? message.slice(0, MAX_TEXT) : 'unexpected failure',
    details: isRecord(details) && JSON.stringify(details).length <= MAX_DETAIL_LENGTH ? details : {},
    retryable: retryable === true,
  };
}

function numberField<Name extends string>(name: Name, value: unknown): { readonly [key in Name]?: number } {
  // A computed key widens to string; it is exactly Name.
  return (isFiniteNumber(value) ? { [name]: value } : {}) as { readonly [key in Name]?: number };
}

function isFiniteNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
