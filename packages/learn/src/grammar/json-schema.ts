// JSON Schema as a grammar, so that what a model writes is valid by it. Closed on failure: every keyword is either built in
// full or refused by its name and place; none is left out in silence. What comes out may be narrower than the schema where
// both are valid: declared properties come in their order, and no others beside them.
// Source: JSON Schema, draft 2020-12 (and `definitions` of older drafts).
import { AmaasError } from '@amaas/core';
import { either, GbnfRules, literal, optional, sequence } from './gbnf.ts';
import {
  anyArray,
  anyNumber,
  anyObject,
  anyValue,
  arrayOf,
  booleanValue,
  FORMATS,
  jsonCharacters,
  mapOf,
  nullValue,
  space,
  stringCharacter,
  stringOf,
  unsignedNumber,
  wholeNumbers,
} from './json-values.ts';
import { parseExpression } from './regular-expression.ts';
import { checkWaysOfReading, MOST_WAYS_STEPS } from './ways-of-reading.ts';

type Type = 'string' | 'integer' | 'number' | 'boolean' | 'null' | 'object' | 'array';

const TYPES: ReadonlySet<string> = new Set(['string', 'integer', 'number', 'boolean', 'null', 'object', 'array']);
/** Keywords that say something about values of one type. */
const KEYWORDS_OF: Readonly<Partial<Record<Type, readonly string[]>>> = {
  string: ['minLength', 'maxLength', 'pattern', 'format'],
  number: ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'],
  object: ['properties', 'required', 'additionalProperties'],
  array: ['items', 'prefixItems', 'minItems', 'maxItems'],
};
/** Keywords that say nothing about which values are valid. */
const ANNOTATIONS: ReadonlySet<string> = new Set([
  ...['title', 'description', 'default', 'examples', 'deprecated', 'readOnly', 'writeOnly'],
  ...['$schema', '$id', '$comment', '$defs', 'definitions'],
]);
const MEANT: ReadonlySet<string> = new Set([
  ...['type', 'enum', 'const', 'anyOf', '$ref'],
  ...Object.values(KEYWORDS_OF).flat(),
]);
/** Deeper schemas are refused before the stack is. */
const MOST_DEPTH = 64;

/**
 * The grammar of JSON texts that are valid by a schema.
 * @param schema - parsed JSON
 * @throws INVALID_ARGUMENT naming the keyword and its place where the schema asks for what is not supported, or is malformed
 */
export function grammarOfJsonSchema(schema: unknown): string {
  const rules = new GbnfRules();
  return rules.toString(new SchemaReader(rules, schema).root());
}

/** The grammar of JSON objects, whatever is in them. */
export function grammarOfJsonObject(): string {
  const rules = new GbnfRules();
  return rules.toString(anyObject(rules));
}

/** JSON texts valid by a schema, as a part of a grammar. @throws as {@link grammarOfJsonSchema} */
export function addJsonSchema(rules: GbnfRules, schema: unknown): string {
  return new SchemaReader(rules, schema).root();
}

type SchemaObject = Readonly<Record<string, unknown>>;

interface Place {
  /** JSON pointer, `#/properties/name`. */
  readonly path: string;
  readonly depth: number;
  /** References being followed without any text between: meeting one again would never end. */
  readonly open: readonly string[];
}

class SchemaReader {
  readonly #rules: GbnfRules;
  readonly #schema: unknown;
  /** For finding out whether patterns can be held to, all of them together. */
  #stepsLeft = MOST_WAYS_STEPS;
  /** Names of rules by pointer. */
  readonly #references = new Map<string, string>();

  constructor(rules: GbnfRules, schema: unknown) {
    this.#rules = rules;
    this.#schema = schema;
  }

  root(): string {
    return this.#value(this.#schema, { path: '#', depth: 0, open: ['#'] });
  }

  #value(schema: unknown, place: Place): string {
    if (place.depth > MOST_DEPTH) throw invalid(place, `is nested more than ${MOST_DEPTH} deep`);
    if (schema === true) return anyValue(this.#rules);
    if (schema === false) throw invalid(place, 'is false: nothing is valid by it');
    if (!isObject(schema)) throw invalid(place, `must be an object or a boolean, got ${JSON.stringify(schema)}`);
    const asked = Object.keys(schema).filter((key) => !ANNOTATIONS.has(key));
    const unknown = asked.find((key) => !MEANT.has(key));
    if (unknown !== undefined) throw unsupported(place, unknown);
    if ('$ref' in schema) return this.#reference(schema, alone(schema, '$ref', asked, place));
    if ('anyOf' in schema) return this.#anyOf(schema, alone(schema, 'anyOf', asked, place));
    if ('const' in schema || 'enum' in schema) return this.#constants(schema, asked, place);
    const types = this.#typesOf(schema, asked, place);
    return types === null ? anyValue(this.#rules) : either(types.map((type) => this.#typed(type, schema, place)));
  }

  /** Types a schema names, or whose keywords it has; null: any. */
  #typesOf({ type }: SchemaObject, asked: readonly string[], place: Place): readonly Type[] | null {
    if (type === undefined) {
      const meant = Object.entries(KEYWORDS_OF).flatMap(
        ([name, keywords]) => (keywords.some((keyword) => asked.includes(keyword)) ? [name as Type] : []), // the record's keys are types
      );
      return meant.length === 0 ? null : meant;
    }
    const names: readonly unknown[] = Array.isArray(type) ? type : [type];
    const wrong = names.find((name) => typeof name !== 'string' || !TYPES.has(name));
    if (wrong !== undefined || names.length === 0) {
      throw invalid(
        below(place, 'type'),
        `must be one of ${[...TYPES].join(', ')} or a list of them, got ${JSON.stringify(type)}`,
      );
    }
    return names as readonly Type[]; // each was held against the types
  }

  #typed(type: Type, schema: SchemaObject, place: Place): string {
    const rules = this.#rules;
    switch (type) {
      case 'string':
        return this.#string(schema, place);
      case 'integer':
        return this.#integer(schema, place);
      case 'number':
        return this.#number(schema, place);
      case 'boolean':
        return booleanValue(rules);
      case 'null':
        return nullValue(rules);
      case 'object':
        return this.#object(schema, place);
      case 'array':
        return this.#array(schema, place);
      default:
        return type satisfies never;
    }
  }

  #reference({ $ref }: SchemaObject, place: Place): string {
    const at = below(place, '$ref');
    if (typeof $ref !== 'string' || !$ref.startsWith('#')) {
      throw invalid(
        at,
        `must be a reference into the schema itself, such as #/$defs/name, got ${JSON.stringify($ref)}`,
      );
    }
    if (place.open.includes($ref)) throw invalid(at, `refers to itself without anything between: ${$ref}`);
    const known = this.#references.get($ref);
    if (known !== undefined) return known;
    const target = this.#find($ref, at);
    const open = [...place.open, $ref];
    return this.#rules.own('ref', (name) => {
      this.#references.set($ref, name);
      return this.#value(target, { path: $ref, depth: place.depth + 1, open });
    });
  }

  #find(pointer: string, place: Place): unknown {
    let found: unknown = this.#schema;
    for (const part of pointer.split('/').slice(1)) {
      const key = decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~');
      if (Array.isArray(found) && /^\d+$/.test(key)) found = found[Number(key)];
      else found = isObject(found) && Object.hasOwn(found, key) ? found[key] : undefined;
      if (found === undefined) throw invalid(place, `refers to nothing: ${pointer}`);
    }
    return found;
  }

  #anyOf({ anyOf }: SchemaObject, place: Place): string {
    const at = below(place, 'anyOf');
    if (!Array.isArray(anyOf) || anyOf.length === 0) throw invalid(at, 'must be a list of at least one schema');
    return either(anyOf.map((each, index) => this.#value(each, { ...below(at, String(index)), open: place.open })));
  }

  #constants(schema: SchemaObject, asked: readonly string[], place: Place): string {
    const other = asked.find((key) => key !== 'const' && key !== 'enum' && key !== 'type');
    if (other !== undefined) throw unsupported(place, other, 'beside const or enum');
    const given: readonly unknown[] | null = 'const' in schema ? [schema['const']] : list(schema['enum']);
    if (given === null) throw invalid(below(place, 'enum'), 'must be a list of at least one value');
    const types = this.#typesOf(schema, asked, place);
    const values = given.filter((value) => types === null || types.some((type) => isOfType(value, type)));
    const both =
      'const' in schema && 'enum' in schema ? list(schema['enum'])?.map((each) => JSON.stringify(each)) : undefined;
    const kept = values.filter((value) => both === undefined || both.includes(JSON.stringify(value)));
    if (kept.length === 0) throw invalid(place, 'allows none of its values');
    return either(kept.map((value) => literal(JSON.stringify(value))));
  }

  #string(schema: SchemaObject, place: Place): string {
    const { pattern, format } = schema;
    const least = count(schema, 'minLength', place) ?? 0;
    const most = count(schema, 'maxLength', place) ?? Number.POSITIVE_INFINITY;
    const hasLength = 'minLength' in schema || 'maxLength' in schema;
    if (pattern !== undefined) {
      if (hasLength || format !== undefined)
        throw unsupported(place, 'pattern', 'beside minLength, maxLength or format');
      if (typeof pattern !== 'string') throw invalid(below(place, 'pattern'), 'must be a string');
      const { body, isOpenBefore, isOpenAfter } = parseExpression(
        pattern,
        jsonCharacters,
        below(place, 'pattern').path,
      );
      this.#stepsLeft -= checkWaysOfReading(`root ::= ${body}`, { mostSteps: this.#stepsLeft });
      const anything = `${stringCharacter(this.#rules)}*`;
      return sequence([literal('"'), isOpenBefore ? anything : '', body, isOpenAfter ? anything : '', literal('"')]);
    }
    if (format !== undefined) {
      const body = typeof format === 'string' ? FORMATS.get(format) : undefined;
      if (body === undefined) {
        throw unsupported(
          place,
          'format',
          `${JSON.stringify(format)}; supported are ${[...FORMATS.keys()].join(', ')}`,
        );
      }
      if (hasLength) throw unsupported(place, 'format', 'beside minLength or maxLength');
      return sequence([literal('"'), body, literal('"')]);
    }
    if (least > most) throw invalid(place, `allows no string: minLength ${least} is more than maxLength ${most}`);
    return stringOf(this.#rules, least, most);
  }

  #integer(schema: SchemaObject, place: Place): string {
    const { from, to } = bounds(schema, place);
    const [least, most] = [
      from.isExclusive ? Math.floor(from.value) + 1 : Math.ceil(from.value),
      to.isExclusive ? Math.ceil(to.value) - 1 : Math.floor(to.value),
    ];
    if (least > most) throw invalid(place, 'allows no whole number between its bounds');
    return wholeNumbers(least, most);
  }

  #number(schema: SchemaObject, place: Place): string {
    const { from, to } = bounds(schema, place);
    const isBounded = Number.isFinite(from.value) || Number.isFinite(to.value);
    if (!isBounded) return anyNumber(this.#rules);
    if (from.value === 0 && !from.isExclusive && !Number.isFinite(to.value)) return unsignedNumber(this.#rules);
    const keyword = KEYWORDS_OF.number?.find((each) => each in schema) ?? 'minimum';
    throw unsupported(place, keyword, 'of numbers that are not whole, other than minimum 0');
  }

  #object(schema: SchemaObject, place: Place): string {
    const { properties, required, additionalProperties } = schema;
    if (properties !== undefined && !isObject(properties))
      throw invalid(below(place, 'properties'), 'must be an object');
    const needed = required === undefined ? [] : list(required, true);
    if (needed === null || needed.some((name) => typeof name !== 'string')) {
      throw invalid(below(place, 'required'), 'must be a list of strings');
    }
    const declared = new Map(Object.entries(properties ?? {}));
    for (const name of needed as readonly string[]) {
      // each was held against it
      if (declared.has(name)) continue;
      if (additionalProperties === false)
        throw invalid(below(place, 'required'), `asks for ${JSON.stringify(name)}, which is not allowed`);
      declared.set(name, additionalProperties ?? true);
    }
    if (declared.size === 0) {
      if (additionalProperties === false) return sequence(['"{"', space(this.#rules), '"}"']);
      const value = additionalProperties === undefined || additionalProperties === true;
      return value
        ? anyObject(this.#rules)
        : mapOf(this.#rules, this.#value(additionalProperties, inside(place, 'additionalProperties')));
    }
    const pairs = [...declared].map(([name, value]) => ({
      isRequired: needed.includes(name),
      text: this.#pair(name, value, inside(inside(place, 'properties'), name)),
    }));
    return this.#rules.add('object', this.#pairs(pairs));
  }

  #pair(name: string, schema: unknown, place: Place): string {
    const ws = space(this.#rules);
    return this.#rules.add(
      `pair-${name}`,
      sequence([literal(JSON.stringify(name)), ws, '":"', ws, this.#value(schema, place)]),
    );
  }

  /** Pairs in their order, those not required may be left out. */
  #pairs(pairs: readonly { readonly isRequired: boolean; readonly text: string }[]): string {
    const ws = space(this.#rules);
    // From the end: what may follow once something stands there, and once nothing does yet.
    let rest = '';
    let first = '';
    for (const { isRequired, text } of pairs.toReversed()) {
      const begins = sequence([text, rest]);
      if (isRequired) first = begins;
      else first = first === '' ? optional(begins) : this.#rules.add('first', either([begins, first]));
      const follows = sequence([ws, '","', ws, text]);
      rest = this.#rules.add('rest', sequence([isRequired ? follows : optional(follows), rest]));
    }
    return sequence(['"{"', ws, first, ws, '"}"']);
  }

  #array(schema: SchemaObject, place: Place): string {
    const least = count(schema, 'minItems', place) ?? 0;
    const most = count(schema, 'maxItems', place) ?? Number.POSITIVE_INFINITY;
    const { items, prefixItems } = schema;
    const given = prefixItems === undefined ? [] : list(prefixItems);
    if (given === null) throw invalid(below(place, 'prefixItems'), 'must be a list of at least one schema');
    if (items === undefined && given.length === 0 && least === 0 && most === Number.POSITIVE_INFINITY) {
      return anyArray(this.#rules);
    }
    const prefix = given.map((each, index) => this.#value(each, inside(inside(place, 'prefixItems'), String(index))));
    const longest = items === false ? Math.min(most, prefix.length) : most;
    if (least > longest) throw invalid(place, `allows no list: minItems ${least} is more than ${longest}`);
    const item = items === false ? null : this.#rules.add('item', this.#value(items ?? true, inside(place, 'items')));
    return arrayOf(this.#rules, { prefix, item, least, most });
  }
}

interface Bound {
  readonly value: number;
  readonly isExclusive: boolean;
}

function bounds(schema: SchemaObject, place: Place): { readonly from: Bound; readonly to: Bound } {
  const least = numberOf(schema, 'minimum', place) ?? Number.NEGATIVE_INFINITY;
  const above = numberOf(schema, 'exclusiveMinimum', place) ?? Number.NEGATIVE_INFINITY;
  const most = numberOf(schema, 'maximum', place) ?? Number.POSITIVE_INFINITY;
  const under = numberOf(schema, 'exclusiveMaximum', place) ?? Number.POSITIVE_INFINITY;
  return {
    from: above >= least ? { value: above, isExclusive: Number.isFinite(above) } : { value: least, isExclusive: false },
    to: under <= most ? { value: under, isExclusive: Number.isFinite(under) } : { value: most, isExclusive: false },
  };
}

function numberOf(schema: SchemaObject, keyword: string, place: Place): number | undefined {
  const value = schema[keyword];
  if (value === undefined || (typeof value === 'number' && Number.isFinite(value))) return value;
  throw invalid(below(place, keyword), `must be a number, got ${JSON.stringify(value)}`);
}

function count(schema: SchemaObject, keyword: string, place: Place): number | undefined {
  const value = numberOf(schema, keyword, place);
  if (value === undefined || (Number.isInteger(value) && value >= 0)) return value;
  throw invalid(below(place, keyword), `must be a whole number of at least 0, got ${value}`);
}

function isOfType(value: unknown, type: Type): boolean {
  if (type === 'null') return value === null;
  if (type === 'array') return Array.isArray(value);
  if (type === 'object') return isObject(value);
  if (type === 'integer') return Number.isInteger(value);
  return typeof value === type;
}

function isObject(value: unknown): value is SchemaObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function list(value: unknown, mayBeEmpty = false): readonly unknown[] | null {
  return Array.isArray(value) && (mayBeEmpty || value.length > 0) ? value : null;
}

/** A keyword of the same value. */
function below(place: Place, keyword: string): Place {
  const part = keyword.replaceAll('~', '~0').replaceAll('/', '~1');
  return { path: `${place.path}/${part}`, depth: place.depth + 1, open: place.open };
}

/** A value inside: there is text around it. */
function inside(place: Place, part: string): Place {
  return { ...below(place, part), open: [] };
}

function alone(schema: SchemaObject, keyword: string, asked: readonly string[], place: Place): Place {
  const other = asked.find((key) => key !== keyword);
  if (other !== undefined && keyword in schema) throw unsupported(place, other, `beside ${keyword}`);
  return place;
}

function invalid(place: Place, what: string): AmaasError {
  return new AmaasError('INVALID_ARGUMENT', `schema: ${place.path} ${what}`, { details: { path: place.path } });
}

function unsupported(place: Place, keyword: string, how = ''): AmaasError {
  return new AmaasError(
    'INVALID_ARGUMENT',
    `schema: ${place.path} has the keyword "${keyword}"${how === '' ? '' : ` ${how}`}, which is not supported`,
    { details: { path: place.path, keyword } },
  );
}
