// What rendering a template costs, in steps and characters, told before an operation is done where it can make many
// characters out of few. Knows what values look like, not the library that makes them.
import { TemplateFailure } from './template-failure.ts';

/** Characters handled at the price of one step. */
const CHARACTERS_PER_UNIT = 16;
/** Deeper lists and objects would end in the library's own recursion. */
const MOST_DEPTH = 256;

/** Of a template that has been read. */
export interface Node {
  readonly type: string;
}

/** Of a text the string, of a list the elements, of an object a map of them. */
export interface Value {
  readonly type: string;
  readonly value: unknown;
}

/** A node with the fields of its kind. */
export type Fields = Readonly<Record<string, unknown>> & Node;

export class Meter {
  #left: number;

  constructor(units: number) {
    this.#left = units;
  }

  charge(units: number): void {
    this.#left -= units;
    // Not `< 0`: what is not a number is refused, too.
    if (!(this.#left >= 0)) throw new TemplateFailure('it takes more steps than any conversation needs');
  }

  /** Before it happens: what of few characters can make many. @param name - of a filter or a method */
  payOperation(name: string, operand: Value, args: readonly Value[]): void {
    const lengths = args.map(lengthOf);
    const longest = Math.max(0, ...lengths);
    const greatest = Math.max(0, ...args.map(({ value }) => (typeof value === 'number' ? Math.abs(value) : 0)));
    const length = lengthOf(operand);
    switch (name) {
      case 'replace': {
        const [old = 0] = lengths;
        const places = old === 0 ? length + 1 : Math.floor(length / old);
        this.charge(places);
        this.#chargeCharacters(length + places * longest);
        break;
      }
      case 'join': {
        const { nodes, texts } = this.pay(operand, 'whole');
        this.#chargeCharacters(texts + Math.max(nodes, length) * (1 + longest));
        break;
      }
      case 'indent':
        this.#chargeCharacters(length + linesOf(operand) * (4 + greatest));
        break;
      case 'tojson': {
        const { nodes, texts, depth } = this.pay(operand, 'whole');
        this.#chargeCharacters(6 * texts + nodes * ((1 + depth) * greatest + longest));
        break;
      }
      case 'sort':
      case 'dictsort': {
        const { nodes, texts } = this.pay(operand, 'whole');
        this.#chargeCharacters((16 * nodes + texts) * Math.ceil(Math.log2(nodes + 2)));
        break;
      }
      case 'split':
        this.charge(length);
        break;
      case 'string':
      case 'selectattr':
      case 'rejectattr':
      case 'unique':
        for (const each of [operand, ...args]) this.pay(each, 'whole');
        break;
      default:
        this.pay(operand, 'items');
        for (const arg of args) this.pay(arg, 'text');
    }
  }

  pay(value: Value, charge: Charge): { readonly nodes: number; readonly texts: number; readonly depth: number } {
    let [nodes, texts, deepest] = [0, 0, 0];
    const visit = (each: Value, depth: number): void => {
      if (depth > MOST_DEPTH) throw new TemplateFailure(`lists and objects are nested more than ${MOST_DEPTH} deep`);
      const length = lengthOf(each);
      nodes++;
      texts += length;
      deepest = Math.max(deepest, depth);
      this.charge(1);
      this.#chargeCharacters(length);
      if (charge === 'text') return;
      const elements = elementsOf(each);
      if (charge === 'items') this.charge(4 * elements.length);
      else for (const element of elements) visit(element, depth + 1);
    };
    visit(value, 0);
    return { nodes, texts, depth: deepest };
  }

  #chargeCharacters(count: number): void {
    this.charge(count / CHARACTERS_PER_UNIT);
  }
}

/**
 * What an operation that takes a value costs, by the node the value comes from: `text` its characters alone, `items` its
 * elements, `whole` everything in it.
 */
export type Charge = 'text' | 'items' | 'whole';
export interface Charges {
  readonly byNode: WeakMap<object, Charge>;
  /** Nodes that are only asked about, `x.strip is defined`. */
  readonly asked: WeakSet<object>;
}

export function chargesOf(program: Node): Charges {
  const byNode = new WeakMap<object, Charge>();
  const asked = new WeakSet<object>();
  const mark = (node: unknown, charge: Charge): void => {
    if (isNode(node)) byNode.set(node, charge);
  };
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(visit);
    else if (value instanceof Map) visit([...value].flat());
    if (!isNode(value)) return;
    for (const block of [value['body'], value['alternate'], value['defaultBlock']]) {
      if (Array.isArray(block)) for (const statement of block) mark(statement, 'whole');
    }
    const { iterable, property, object, left, right, operand } = value;
    if (value.type === 'For') mark(isNode(iterable) && 'lhs' in iterable ? iterable['lhs'] : iterable, 'items');
    if (value.type === 'MemberExpression' && isNode(property) && property.type === 'SliceExpression')
      mark(object, 'items');
    const operator = isNode(value['operator']) ? value['operator']['value'] : null;
    if (value.type === 'BinaryExpression' && operator !== 'and' && operator !== 'or')
      for (const each of [left, right]) mark(each, 'whole');
    if (value.type === 'TestExpression') {
      mark(operand, 'text');
      if (isNode(operand)) asked.add(operand);
    }
    Object.values(value).forEach(visit);
  };
  visit(program);
  return { byNode, asked };
}

export function isNode(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}

function lengthOf({ value }: Value): number {
  return typeof value === 'string' ? value.length : 0;
}

function linesOf({ value }: Value): number {
  return typeof value === 'string' ? value.split('\n').length : 0;
}

export function elementsOf({ value }: Value): readonly Value[] {
  if (Array.isArray(value)) return value;
  if (!(value instanceof Map)) return [];
  // Keys are texts, too.
  return [...value].flatMap(([key, element]) => [{ type: 'StringValue', value: key }, element]);
}
