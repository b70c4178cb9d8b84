// Cleaning of texts before they are learned from: forms of Unicode, characters nobody sees, spaces, addresses. What
// joins letters and emoji stays. Unlike normalizers, no trace is kept of where things were.
import type { NormalizationForm } from './normalization-forms.ts';
import { SPACE_CLASS } from './unicode-classes.ts';

export interface CleanTextOptions {
  /** Default NFC, which looks the same; null: as it is. */
  readonly form?: NormalizationForm | null;
  /** Whether control characters, byte order marks, marks of direction and invisible spaces go; default true. */
  readonly stripInvisible?: boolean;
  /** Runs of spaces become one, those at the ends go; "lines" keeps line breaks (at most two), "keep" all; default "collapse". */
  readonly spaces?: 'collapse' | 'lines' | 'keep';
  /** What web addresses become; default null: they stay. */
  readonly urls?: string | null;
  /** What e-mail addresses become; default null: they stay. */
  readonly emails?: string | null;
}

/** All control characters but tab and line breaks; the joiners U+200C and U+200D are not among the rest. */
const INVISIBLE = /[[\p{Cc}\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]--[\t\n\v\f\r\x85]]/gv;
const SPACES = new RegExp(`${SPACE_CLASS}+`, 'gv');
const LINE_BREAK = /\r\n|[\n\v\f\r\x85\u2028\u2029]/g;

const URL_PATTERN = new RegExp(`(?:https?://|ftp://|(?<![\\p{L}\\p{N}.])www\\.)[^<>"'${SPACE_CLASS.slice(1)}+`, 'giv');
/** What ends a sentence does not belong to an address. */
const URL_END = /[.,;:!?)\]}]$/;

// Every repetition is bounded, or a long word would be tried from each of its letters.
const EMAIL_PATTERN =
  /(?<![\p{L}\p{N}._%+\-])[\p{L}\p{N}._%+\-]{1,64}@(?:[\p{L}\p{N}\-]{1,63}\.){1,8}[\p{L}\p{N}\-]{2,63}/gv;

/** Text as it is to be learned from; lone surrogates become U+FFFD. */
export function cleanText(text: string, options: CleanTextOptions = {}): string {
  const { form = 'NFC', stripInvisible = true, spaces = 'collapse', urls = null, emails = null } = options;
  let cleaned = text.toWellFormed();
  if (form !== null) cleaned = cleaned.normalize(form);
  if (stripInvisible) cleaned = cleaned.replace(INVISIBLE, '');
  if (urls !== null) cleaned = cleaned.replace(URL_PATTERN, (url) => urls + endOfSentence(url));
  if (emails !== null) cleaned = cleaned.replace(EMAIL_PATTERN, () => emails);
  if (spaces === 'keep') return cleaned;
  if (spaces === 'collapse') return cleaned.replace(SPACES, ' ').trim();
  const lines = cleaned.split(LINE_BREAK).map((line) => line.replace(SPACES, ' ').trim());
  return lines
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .replace(/^\n+|\n+$/g, '');
}

function endOfSentence(url: string): string {
  let length = url.length;
  while (length > 0 && URL_END.test(url.slice(length - 1, length))) length--;
  return url.slice(length);
}
