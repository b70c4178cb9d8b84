// How a failed command says what happened and what to do about it. Exit codes: 1 failed, 2 wrong use.
import { AmaasError, toAmaasError } from '@amaas/core';
import { CommanderError } from 'commander';
import { CommandFailed, UsageError } from './command-context.ts';
import type { Terminal } from './terminal.ts';
import { spellOptions } from './training/explain.ts';

/** Tells what was thrown and returns the exit code. `json`: as one JSON object on stdout, for machines. */
export function reportFailure(terminal: Terminal, thrown: unknown, json: boolean): number {
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : 2; // commander has written it already
  if (thrown instanceof CommandFailed) return 1; // the command has said why
  if (thrown instanceof UsageError) {
    terminal.note(`amaas: ${thrown.message}`);
    return 2;
  }
  const error = asAmaasError(thrown);
  if (json) {
    const { code, reason, details, retryable } = error;
    const message = spellOptions(error.message);
    terminal.print(JSON.stringify({ error: { code, reason, message, details, retryable } }, null, 2));
  } else {
    terminal.note(failureText(error));
  }
  return 1;
}

/** What failed, and where that is known what to do about it. */
export function failureText(thrown: unknown): string {
  const error = asAmaasError(thrown);
  const hint = hintFor(error);
  return `amaas: ${spellOptions(error.message)}${hint === null ? '' : `\n${hint}`}`;
}

/** Failures of the file system are told by Node's own words; anything else unexpected keeps its text, this is the user's own machine. */
function asAmaasError(thrown: unknown): AmaasError {
  if (thrown instanceof AmaasError) return thrown;
  if (!(thrown instanceof Error)) return toAmaasError(thrown);
  const isSystemError = 'syscall' in thrown;
  return new AmaasError(
    isSystemError ? 'INVALID_ARGUMENT' : 'INTERNAL',
    isSystemError ? systemText(thrown) : (thrown.stack ?? thrown.message),
    { cause: thrown },
  );
}

/** What is said most often in plain words, anything else in Node's. */
function systemText(thrown: Error): string {
  const { code, path } = thrown as NodeJS.ErrnoException; // an error with a syscall is one
  if (path === undefined) return thrown.message;
  if (code === 'ENOENT') return `there is no file or folder ${path}`;
  if (code === 'EEXIST') return `${path} is there already; it is not written over`;
  if (code === 'EISDIR') return `${path} is a folder; a file is needed`;
  return code === 'EACCES' ? `${path} may not be read or written by this user` : thrown.message;
}

function hintFor(error: AmaasError): string | null {
  switch (error.reason) {
    case 'TRANSPORT_FAILED':
      return error.retryable
        ? 'Start a server with: amaas serve. Or give the address of a running one with --url or AMAAS_URL.'
        : null;
    case 'MISSING_KEY':
    case 'INVALID_KEY':
      return (
        'Give a key with --api-key or AMAAS_API_KEY. On the machine of the server, `amaas keys reset-admin` makes a new\n' +
        'admin key (stop the server first).'
      );
    case 'MODEL_NOT_FOUND':
      return 'See what is there with: amaas models list';
    case 'DATASET_NOT_FOUND':
      return 'See what is there with: amaas datasets list';
    case 'DATASET_IN_USE':
      return 'Delete it all the same with --force; the runs keep its digest.';
    case 'RUN_NOT_FOUND':
      return 'See what is there with: amaas runs list';
    case 'JOB_NOT_FOUND':
      return 'See what is there with: amaas jobs list';
    case 'DATA_DIR_LOCKED':
      return 'Stop that server first, or use another folder with --data-dir or AMAAS_DATA_DIR.';
    case 'QUEUE_FULL':
      return 'The model has more requests than it can serve; try again a little later.';
    default:
      return null;
  }
}
