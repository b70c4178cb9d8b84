// Keeps secrets out of logs. Works on the finished JSON line, where fields of every depth, of children and of errors
// have come together; quotes inside values are escaped there, so what a caller sent cannot pass for a field.

const REDACTED = '[redacted]';

/** Fields whose values are never logged, a text or a list. */
const SECRET_FIELD =
  /"((?:proxy-)?authorization|(?:set-)?cookie|(?:x-)?api[-_]?key|admin[-_]?key|password|secret|token|(?:database|blob|nats)[-_]?url)":(?:"(?:[^"\\]|\\.)*"|\[[^\]]*\])/gi;

/** Generated keys, and the passwords of URLs. */
const KEY_LOOK = /\bamaas_[0-9A-Za-z]{16,}/g;
const URL_PASSWORD = /(\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s:/@"]*:)[^\s/@"]+@/g;

/** Takes secret fields, what looks like a secret, and each of `secrets` out of a line. */
export function scrubLine(line: string, secrets: readonly string[]): string {
  let clean = line.replace(SECRET_FIELD, `"$1":"${REDACTED}"`);
  if (clean.includes('amaas_')) clean = clean.replace(KEY_LOOK, `amaas_${REDACTED}`);
  if (clean.includes('://')) clean = clean.replace(URL_PASSWORD, `$1${REDACTED}@`);
  for (const secret of secrets) if (clean.includes(secret)) clean = clean.replaceAll(secret, REDACTED);
  return clean;
}
