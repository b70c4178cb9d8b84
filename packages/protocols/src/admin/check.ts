// Checks untrusted values against a schema and says precisely what is wrong: where, what was expected, what came.
import { AmaasError, type ErrorReason } from '@amaas/core';
import type { Static, TSchema } from 'typebox';
import { Compile } from 'typebox/compile';

const compiled = new WeakMap<TSchema, ReturnType<typeof Compile>>();

/**
 * Returns `value`, now known to fit `schema`.
 * @throws `reason` (default MALFORMED_REQUEST) naming the first place that does not fit; `what` opens the message.
 */
export function checkAgainst<Schema extends TSchema>(
  schema: Schema,
  value: unknown,
  options: { readonly what: string; readonly reason?: ErrorReason },
): Static<Schema> {
  let validator = compiled.get(schema);
  if (validator === undefined) {
    validator = Compile(schema);
    compiled.set(schema, validator);
  }
  if (validator.Check(value)) return value as Static<Schema>; // Check has just established it
  const errors = withoutOtherKinds(validator.Errors(value));
  // The deepest place is the most telling one: a union reports every alternative at the top as well.
  const error = errors.reduce((deepest, next) =>
    depth(next.instancePath) > depth(deepest.instancePath) ? next : deepest,
  );
  const at = error.instancePath === '' ? 'the value' : error.instancePath;
  const found = JSON.stringify(valueAt(value, error.instancePath))?.slice(0, 80) ?? 'nothing';
  throw new AmaasError(
    options.reason ?? 'MALFORMED_REQUEST',
    `${options.what}: ${at} ${explain(error)}, got ${found}`,
    {
      details: { path: error.instancePath },
    },
  );
}

interface SchemaError {
  readonly keyword: string;
  readonly schemaPath: string;
  readonly instancePath: string;
  readonly message: string;
  readonly params: unknown;
}

const ALTERNATIVE_KIND = /^(.*\/anyOf\/\d+)\/properties\/kind$/;

/** Of a union told apart by `kind`, only what the alternative of that kind says; where none fits, which kinds there are. */
function withoutOtherKinds(errors: readonly SchemaError[]): readonly SchemaError[] {
  const kinds = errors.filter(({ keyword, schemaPath }) => keyword === 'const' && ALTERNATIVE_KIND.test(schemaPath));
  const [first] = kinds;
  if (first === undefined) return errors;
  const others = kinds.map(({ schemaPath }) => `${ALTERNATIVE_KIND.exec(schemaPath)?.[1]}/`);
  const left = errors.filter(({ schemaPath }) => !others.some((path) => `${schemaPath}/`.startsWith(path)));
  if (left.some(({ keyword }) => keyword !== 'anyOf')) return left;
  const allowedValues = kinds.map(({ params }) => Object(params).allowedValue);
  return [{ ...first, keyword: 'enum', message: 'must be equal to one of', params: { allowedValues } }];
}

function explain(error: { readonly keyword: string; readonly message: string; readonly params: unknown }): string {
  if (error.keyword === 'boolean') return 'is not a known field';
  if (error.keyword !== 'enum' && error.keyword !== 'required' && error.keyword !== 'const') return error.message;
  return `${error.message} ${JSON.stringify(error.params)}`;
}

function depth(pointer: string): number {
  return pointer.split('/').length;
}

function valueAt(value: unknown, pointer: string): unknown {
  let current = value;
  for (const step of pointer.split('/').slice(1)) {
    if (typeof current !== 'object' || current === null) return undefined;
    // Indexing an object or array of unknown type by a key is all that is done with the cast.
    current = (current as Record<string, unknown>)[step.replaceAll('~1', '/').replaceAll('~0', '~')];
  }
  return current;
}
