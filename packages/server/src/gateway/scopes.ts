// What a key may do, and to which models. Knows nothing of keys, stores or routes.
import { AmaasError, isName, NAME_RULE } from '@amaas/core';

/** What a key can be given. `admin` includes everything; `deploy` and `infer` do not include each other. */
export const KEY_SCOPES = ['admin', 'deploy', 'infer'] as const;

export type KeyScope = (typeof KEY_SCOPES)[number];

/**
 * What an operation asks for: `infer` to run models, `deploy` to add, label, load and unload them, `admin` for keys and
 * the server itself, `read` for looking at models; any scope may read.
 */
export type Scope = KeyScope | 'read';

/** Whether one of the scopes is enough for an operation. */
export function scopesAllow(scopes: readonly KeyScope[], scope: Scope): boolean {
  if (scopes.includes('admin')) return true;
  return scope === 'read' ? scopes.length > 0 : scopes.includes(scope);
}

/** Whether `text` is a scope a key can be given. */
export function isKeyScope(text: unknown): text is KeyScope {
  return KEY_SCOPES.some((scope) => scope === text);
}

/**
 * Returns the patterns if each is a model name, a prefix with a final `*`, or `*`.
 * @throws INVALID_ARGUMENT naming the first that is not.
 */
export function assertModelPatterns(patterns: readonly string[]): readonly string[] {
  for (const pattern of patterns) {
    const literal = pattern.endsWith('*') ? pattern.slice(0, -1) : pattern;
    if (pattern === '*' || isName(literal)) continue;
    throw new AmaasError(
      'INVALID_ARGUMENT',
      `create key: model pattern ${JSON.stringify(pattern.slice(0, 140))} is not allowed: expected a model name ` +
        `(${NAME_RULE}), the beginning of one followed by "*", or "*"`,
    );
  }
  return patterns;
}

/** Compiles patterns into a test for model names. */
export function modelMatcher(patterns: readonly string[]): (model: string) => boolean {
  if (patterns.includes('*')) return () => true;
  const names = new Set(patterns.filter((pattern) => !pattern.endsWith('*')));
  const prefixes = patterns.filter((pattern) => pattern.endsWith('*')).map((pattern) => pattern.slice(0, -1));
  return (model) => names.has(model) || prefixes.some((prefix) => model.startsWith(prefix));
}
