// What an answer must be: OpenAI's response_format, and the names that llama.cpp and vLLM have for schemas, expressions,
// choices and grammars. At most one of them.
import type { AnswerFormat } from '@amaas/core';
import type { Fields } from '../fields/index.ts';

/** @throws INVALID_ARGUMENT naming the field */
export function readAnswerFormat(fields: Fields): AnswerFormat | undefined {
  const found = [
    ...readResponseFormat(fields),
    ...readConstraint(fields, { name: 'grammar', kind: 'grammar' }),
    ...readConstraint(fields, { name: 'guided_json', kind: 'json' }),
    ...readConstraint(fields, { name: 'guided_regex', kind: 'regex' }),
    ...readConstraint(fields, { name: 'guided_choice', kind: 'choice' }),
    ...readConstraint(fields, { name: 'guided_grammar', kind: 'grammar' }),
    ...readStructuredOutputs(fields),
  ];
  const [first, second] = found;
  if (second !== undefined) throw fields.invalid(second.name, `cannot be given beside ${first?.name}`);
  return first?.format;
}

interface Found {
  readonly name: string;
  readonly format: AnswerFormat;
}

function readResponseFormat(fields: Fields): readonly Found[] {
  const name = 'response_format';
  const format = fields.object(name);
  const type = format?.need('type', format.choice('type', ['text', 'json_object', 'json_schema']));
  if (format === undefined || type === undefined) return [];
  const found = type === 'json_schema' ? readJsonSchema(format) : readJsonObject(format, type);
  format.end();
  return found === null ? [] : [{ name, format: found }];
}

function readJsonSchema(format: Fields): AnswerFormat {
  const wrapped = format.need('json_schema', format.object('json_schema'));
  wrapped.ignore('name', 'description');
  // Whatever the caller calls strict: an answer by a schema always follows it.
  wrapped.flag('strict');
  const schema = wrapped.any('schema');
  wrapped.end();
  return schema === undefined ? { kind: 'json-object' } : { kind: 'json-schema', schema };
}

/** llama.cpp's servers take a schema here, too. */
function readJsonObject(format: Fields, type: 'text' | 'json_object'): AnswerFormat | null {
  if (type === 'text') return null;
  const schema = format.any('schema');
  return schema === undefined ? { kind: 'json-object' } : { kind: 'json-schema', schema };
}

function readStructuredOutputs(fields: Fields): readonly Found[] {
  const outputs = fields.object('structured_outputs');
  if (outputs === undefined) return [];
  const found = (['json', 'regex', 'choice', 'grammar'] as const).flatMap((kind) =>
    readConstraint(outputs, { name: kind, kind }).map(({ format }) => ({ name: `structured_outputs.${kind}`, format })),
  );
  outputs.end();
  return found;
}

function readConstraint(
  fields: Fields,
  { name, kind }: { readonly name: string; readonly kind: 'json' | 'regex' | 'choice' | 'grammar' },
): readonly Found[] {
  if (!fields.has(name)) return [];
  switch (kind) {
    case 'json':
      return [{ name, format: { kind: 'json-schema', schema: schemaOf(fields, name) } }];
    case 'regex':
      return [{ name, format: { kind: 'expression', pattern: fields.text(name) ?? '' } }];
    case 'grammar':
      return [{ name, format: { kind: 'grammar', grammar: fields.text(name) ?? '' } }];
    case 'choice':
      return [{ name, format: { kind: 'expression', pattern: choicePattern(fields, name) } }];
    default:
      return kind satisfies never;
  }
}

/** vLLM's callers send schemas as objects or as their text. */
function schemaOf(fields: Fields, name: string): unknown {
  const value = fields.any(name);
  if (typeof value !== 'string') return value;
  try {
    const schema: unknown = JSON.parse(value);
    return schema;
  } catch {
    throw fields.invalid(name, 'expected a JSON Schema, or the text of one');
  }
}

function choicePattern(fields: Fields, name: string): string {
  const choices = fields.list(name, (item) => item) ?? [];
  const texts = choices.filter((choice) => typeof choice === 'string');
  if (texts.length === 0 || texts.length < choices.length) throw fields.invalid(name, 'expected a list of texts');
  return `(${texts.map((choice) => choice.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')).join('|')})`;
}
