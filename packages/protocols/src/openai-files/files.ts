// OpenAI's file objects: what uploads say besides the bytes, and how a stored file is described.
// Source: OpenAI API specification 2.3.0, /v1/files.
import { AmaasError } from '@amaas/core';
import { Fields } from '../fields/index.ts';

/** What callers may upload files for. */
export const UPLOAD_PURPOSES = ['batch', 'fine-tune', 'assistants', 'evals', 'user_data', 'vision'] as const;

export type UploadPurpose = (typeof UPLOAD_PURPOSES)[number];

/** What files are for, those that the server writes among them. */
export const FILE_PURPOSES = [...UPLOAD_PURPOSES, 'batch_output', 'fine-tune-results'] as const;

export type FilePurpose = (typeof FILE_PURPOSES)[number];

/** A file as it is described; times in milliseconds since 1970. */
export interface DescribedFile {
  readonly id: string;
  readonly purpose: FilePurpose;
  readonly fileName: string;
  readonly sizeBytes: number;
  readonly createdAtMs: number;
  /** null: never. */
  readonly expiresAtMs: number | null;
}

/** An hour; a file gone sooner is one nobody can use. */
const LEAST_EXPIRY_SECONDS = 3600;
/** Thirty days. */
const MOST_EXPIRY_SECONDS = 2_592_000;

/** @throws INVALID_ARGUMENT naming `purpose` */
export function readUploadPurpose(text: string | undefined): UploadPurpose {
  const fields = Fields.of({ purpose: text });
  return fields.need('purpose', fields.choice('purpose', UPLOAD_PURPOSES));
}

/**
 * Reads `{anchor: "created_at", seconds}`.
 * @returns seconds, 3,600 … 2,592,000
 * @throws INVALID_ARGUMENT naming the field
 */
export function readExpiry(expiry: Fields): number {
  expiry.need('anchor', expiry.choice('anchor', ['created_at']));
  const bounds = { min: LEAST_EXPIRY_SECONDS, max: MOST_EXPIRY_SECONDS };
  const seconds = expiry.need('seconds', expiry.integer('seconds', bounds));
  expiry.end();
  return seconds;
}

/**
 * The same from the parts of a form, `expires_after[anchor]` and `expires_after[seconds]`; null where there are none.
 * @throws INVALID_ARGUMENT naming the field
 */
export function readFormExpiry(form: ReadonlyMap<string, string>): number | null {
  const anchor = form.get('expires_after[anchor]');
  const seconds = form.get('expires_after[seconds]');
  if (anchor === undefined && seconds === undefined) return null;
  const number = seconds !== undefined && /^\d{1,12}$/.test(seconds) ? Number(seconds) : seconds;
  return readExpiry(Fields.of({ anchor, seconds: number }, 'expires_after'));
}

/** @throws INVALID_ARGUMENT naming the purposes there are */
export function readFilePurpose(text: string): FilePurpose {
  const found = FILE_PURPOSES.find((purpose) => purpose === text);
  if (found !== undefined) return found;
  const message = `purpose: expected one of ${FILE_PURPOSES.join(', ')}, got ${JSON.stringify(text.slice(0, 60))}`;
  throw new AmaasError('INVALID_ARGUMENT', message, { details: { field: 'purpose' } });
}

export function encodeFile(file: DescribedFile): object {
  return {
    id: file.id,
    object: 'file',
    bytes: file.sizeBytes,
    created_at: seconds(file.createdAtMs),
    expires_at: file.expiresAtMs === null ? null : seconds(file.expiresAtMs),
    filename: file.fileName,
    purpose: file.purpose,
    status: 'processed',
  };
}

/** A page of a list. */
export function encodePage(
  items: readonly { readonly id: string }[],
  encoded: readonly object[],
  hasMore: boolean,
): object {
  return {
    object: 'list',
    data: encoded,
    first_id: items[0]?.id ?? null,
    last_id: items.at(-1)?.id ?? null,
    has_more: hasMore,
  };
}

/** Whole seconds since 1970. */
export function seconds(timeMs: number): number {
  return Math.floor(timeMs / 1000);
}
