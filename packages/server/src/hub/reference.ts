// How a model on a hub is named: `hf:owner/repo`, `hf:owner/repo@revision:file.gguf`, `hf.co/owner/repo:Q4_K_M`, or the
// address of its page. Asks no hub.
import { AmaasError } from '@amaas/core';
import { assertTreePath } from '../artifacts/index.ts';

export interface HubReference {
  /** `owner/name`. */
  readonly repository: string;
  /** A branch, a tag or a commit; null: not said. */
  readonly revision: string | null;
  /** Path of a file in the repository; null: not said. */
  readonly file: string | null;
  /** Part of a file's name that says how it was quantised, `Q4_K_M`; null: not said. */
  readonly quantization: string | null;
}

/** Longest text that is looked at: two names of 96, a revision and a path. */
const MAX_LENGTH = 1_600;
const PREFIX = /^(?:hf:(?:\/\/)?|(?:https?:\/\/)?(?:www\.)?(?:hf\.co|huggingface\.co)\/)/i;
/** Names on the hub. Source: huggingface_hub, `validate_repo_id`. */
const NAME = /^[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,94}[A-Za-z0-9_])?$/;
const REVISION = /^[A-Za-z0-9_][A-Za-z0-9_./+-]{0,199}$/;
const QUANTIZATION = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;
/** What Ollama's clients add to a name that says nothing else. */
const UNSAID = 'latest';

/** Whether `text` is meant as the name of a model on a hub, well-formed or not. */
export function isHubReference(text: string): boolean {
  return PREFIX.test(text);
}

/** @throws INVALID_ARGUMENT naming what is wrong with it */
export function parseHubReference(text: string): HubReference {
  const prefix = text.length > MAX_LENGTH ? null : PREFIX.exec(text);
  if (prefix === null) throw wrong(text, 'it does not start with hf: or hf.co/');
  const rest = text.slice(prefix[0].length).replace(/\/+$/, '');
  const page = /^([^/]+\/[^/:@]+)\/(?:blob|resolve|tree)\/([^/]+)(?:\/(.+))?$/.exec(rest);
  const [, repository = '', revision, choice] =
    page ?? /^([^/:@]*\/[^/:@]*|[^:@]*)(?:@([^:]*))?(?::(.*))?$/s.exec(rest) ?? [];
  assertRepository(text, repository);
  if (revision !== undefined) assertRevision(revision);
  if (choice === '') throw wrong(text, 'nothing follows the last colon');
  const isFile = choice !== undefined && (page !== null || /\/|\.(?:gguf|onnx)$/i.test(choice));
  if (isFile) return { repository, revision: revision ?? null, file: assertTreePath(choice), quantization: null };
  const said = choice === undefined || choice.toLowerCase() === UNSAID ? null : choice;
  if (said !== null && !QUANTIZATION.test(said))
    throw wrong(text, `${JSON.stringify(said)} names no .gguf or .onnx file`);
  return { repository, revision: revision ?? null, file: null, quantization: said };
}

/** @throws INVALID_ARGUMENT for what no branch, tag or commit is called */
export function assertRevision(revision: string): string {
  if (REVISION.test(revision) && !revision.includes('..') && !revision.includes('//')) return revision;
  throw new AmaasError(
    'INVALID_ARGUMENT',
    `pull: expected a branch, a tag or a commit as revision, got ${JSON.stringify(revision.slice(0, 200))}`,
  );
}

/** Where a version comes from, for its lineage; can be pulled again. */
export function showSource(source: {
  readonly repository: string;
  readonly commit: string;
  readonly file: string;
}): string {
  return `hf:${source.repository}@${source.commit}:${source.file}`;
}

function assertRepository(text: string, repository: string): void {
  const names = repository.split('/');
  if (names.length !== 2) throw wrong(text, 'the repository must be owner/name');
  const bad = names.find((name) => !NAME.test(name) || name.includes('..') || name.includes('--'));
  if (bad !== undefined) throw wrong(text, `${JSON.stringify(bad)} is no name on the hub`);
}

function wrong(text: string, problem: string): AmaasError {
  return new AmaasError(
    'INVALID_ARGUMENT',
    `pull: expected hf:owner/repo, hf:owner/repo:file.gguf or hf.co/owner/repo:Q4_K_M, got ${JSON.stringify(text.slice(0, 200))}: ${problem}`,
  );
}
