// JSON Schemas as lists of fields that people can read. Named schemas become links to their place on the page.
import type { JsonSchema } from '../openapi.ts';

/** The fields a schema describes, those of objects inside it below them; empty for what has none. */
export function fieldsHtml(schema: JsonSchema): string {
  const object = objectWithin(schema);
  const properties = Object.entries(record(object?.['properties']));
  if (object === null || properties.length === 0) return '';
  const required = new Set(Array.isArray(object['required']) ? object['required'] : []);
  const items = properties.map(([name, property]) => fieldHtml(name, record(property), required.has(name)));
  return `<ul class="fields">${items.join('')}</ul>`;
}

function fieldHtml(name: string, schema: JsonSchema, isRequired: boolean): string {
  const optional = isRequired ? '' : ' <span class="optional">optional</span>';
  const description = schema['description'];
  const text = typeof description === 'string' ? `<p>${proseHtml(description)}</p>` : '';
  return `<li><code class="name">${escapeHtml(name)}</code> <span class="type">${typeHtml(schema)}</span>${optional}${text}${fieldsHtml(schema)}</li>`;
}

/** A type in words: `array of string`, `integer ≥ 1` (kept on one line), a link to a named schema. */
export function typeHtml(schema: JsonSchema): string {
  const name = referenceName(schema);
  if (name !== null) return `<a href="#${schemaAnchor(name)}">${escapeHtml(name)}</a>`;
  if (Array.isArray(schema['enum'])) return schema['enum'].map(valueHtml).join(' or ');
  if (schema['const'] !== undefined) return valueHtml(schema['const']);
  if (Array.isArray(schema['anyOf'])) return schema['anyOf'].map((option) => typeHtml(record(option))).join(' or ');
  if (schema['type'] === 'array') return `array of ${typeHtml(record(schema['items']))}`;
  const values = mapValues(schema);
  if (values !== null) return `map of ${typeHtml(values)}`;
  return typeof schema['type'] === 'string' ? `${escapeHtml(schema['type'])}${rangeHtml(schema)}` : 'anything';
}

/** Name of the schema a reference leads to; null for what is no reference. */
export function referenceName(schema: JsonSchema): string | null {
  const reference = schema['$ref'];
  return typeof reference === 'string' ? reference.slice(reference.lastIndexOf('/') + 1) : null;
}

function rangeHtml(schema: JsonSchema): string {
  const { minimum, exclusiveMinimum, maximum, pattern } = schema;
  const least =
    typeof minimum === 'number'
      ? `\u00a0≥\u00a0${minimum}`
      : typeof exclusiveMinimum === 'number'
        ? `\u00a0&gt;\u00a0${exclusiveMinimum}`
        : '';
  // The greatest whole number of JavaScript says nothing to a reader.
  const most = typeof maximum === 'number' && maximum < Number.MAX_SAFE_INTEGER ? `\u00a0≤\u00a0${maximum}` : '';
  return `${least}${most}${typeof pattern === 'string' ? ` <code>${escapeHtml(pattern)}</code>` : ''}`;
}

/** The object whose fields are worth listing below a value: itself, its items or its one object alternative. */
function objectWithin(schema: JsonSchema): JsonSchema | null {
  if (schema['properties'] !== undefined) return schema;
  if (schema['type'] === 'array') return objectWithin(record(schema['items']));
  const values = mapValues(schema);
  if (values !== null) return objectWithin(values);
  const options = Array.isArray(schema['anyOf']) ? schema['anyOf'].map((option) => objectWithin(record(option))) : [];
  const objects = options.filter((option) => option !== null);
  return objects.length === 1 ? (objects[0] ?? null) : null;
}

/** What a map from any name holds; null for what is none. */
function mapValues(schema: JsonSchema): JsonSchema | null {
  const [values] = Object.values(record(schema['patternProperties']));
  return values === undefined ? null : record(values);
}

function record(value: unknown): JsonSchema {
  return typeof value === 'object' && value !== null ? (value as JsonSchema) : {}; // any object of a schema may be looked into
}

function valueHtml(value: unknown): string {
  return `<code>${escapeHtml(JSON.stringify(value))}</code>`;
}

/** Anchor of a named schema. */
export function schemaAnchor(name: string): string {
  return `schema-${name}`;
}

/** Running text, in which backticks mark code. */
export function proseHtml(text: string): string {
  return escapeHtml(text).replaceAll(/`([^`]+)`/g, '<code>$1</code>');
}

export function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
