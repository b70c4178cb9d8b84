// One chat template: read once, rendered often, and never at a cost beyond its bound. A template is code from a stranger,
// and neither a timer nor a thread holds it: one `range(1000000000)` ends a whole process, whichever thread runs it. So every
// step and every character that the interpreter makes is counted, before it is made where one operation can make many out of
// few. The only file that knows the library.
import { Environment, Interpreter, parse, tokenize } from '@huggingface/jinja';
import {
  type Charges,
  chargesOf,
  elementsOf,
  type Fields,
  isNode,
  Meter,
  type Node,
  type Value,
} from './template-meter.ts';
import { formatTime } from './template-time.ts';
import { TemplateFailure } from './template-failure.ts';

// What is used of the pinned version: its own declarations cannot be read by the module resolution of this project.
interface Program extends Node {
  readonly body: readonly Node[];
}
interface Scope {
  set(name: string, value: unknown): Value;
}
interface Evaluator {
  evaluate(node: Node | undefined, scope: Scope): Value;
  run(program: Program): Value;
}
const LibraryInterpreter: new (scope: Scope) => Evaluator = Interpreter;
const LibraryScope: new () => Scope = Environment;

/** Real ones have up to some 50,000. */
const MOST_CHARACTERS = 128 * 1024;
/** The library's reader looks at each run of space once per character of it. */
const LONGEST_SPACE = 256;
/** Of longer ones the line that cannot be read is not looked for: that takes reading them a dozen times. */
const MOST_CHARACTERS_SEARCHED = 32 * 1024;
/** Of all steps of one rendering: about a fifth of a second. A conversation adds to it by its length. */
const BASE_UNITS = 1_000_000;
const UNITS_PER_CHARACTER = 4;

export interface RenderOptions {
  readonly inputCharacters: number;
  readonly now: Date;
  readonly baseUnits?: number;
}

export class ChatTemplate {
  readonly source: string;
  readonly #program: Program;
  readonly #charges: Charges;

  /** @throws TemplateFailure naming the line and what cannot be read */
  constructor(source: string) {
    if (source.length > MOST_CHARACTERS) {
      throw new TemplateFailure(`it has ${source.length} characters, and ${MOST_CHARACTERS} are the most`);
    }
    // Not as a regular expression of its own: that one would take as long as the one it keeps from running.
    if (longestSpace(source) > LONGEST_SPACE) {
      throw new TemplateFailure(`it has more than ${LONGEST_SPACE} spaces or line ends in a row`);
    }
    this.source = source;
    try {
      this.#program = read(source);
      this.#charges = chargesOf(this.#program);
    } catch (thrown) {
      // The parser looks for more behind the end.
      if (thrown instanceof TypeError) throw new TemplateFailure('it ends inside a block that is not closed');
      const words = wordsOf(thrown);
      const line = source.length > MOST_CHARACTERS_SEARCHED ? '' : `line ${failingLine(source, words)}: `;
      throw new TemplateFailure(line + words);
    }
  }

  /**
   * @param inputCharacters - length of the texts in the variables
   * @param baseUnits - steps allowed beside those for the texts
   * @throws TemplateFailure
   */
  render(
    variables: Readonly<Record<string, unknown>>,
    { inputCharacters, now, baseUnits = BASE_UNITS }: RenderOptions,
  ): string {
    const meter = new Meter(baseUnits + UNITS_PER_CHARACTER * inputCharacters);
    try {
      const environment = new LibraryScope();
      const globals = {
        false: false,
        true: true,
        none: null,
        False: false,
        True: true,
        None: null,
        raise_exception: raise,
        range: (start: number, stop?: number, step?: number) => range(meter, start, stop, step),
        strftime_now: (format: unknown) => {
          meter.charge(String(format).length);
          return formatTime(now, String(format));
        },
      };
      for (const [name, value] of Object.entries({ ...globals, ...variables })) environment.set(name, value);
      const { value } = new MeteredInterpreter(environment, meter, this.#charges).run(this.#program);
      return String(value);
    } catch (thrown) {
      if (thrown instanceof TemplateFailure) throw thrown;
      throw new TemplateFailure(wordsOf(thrown));
    }
  }
}

function read(source: string): Program {
  return parse(tokenize(source, { lstrip_blocks: true, trim_blocks: true }));
}

function longestSpace(source: string): number {
  let [longest, length] = [0, 0];
  for (const character of source) {
    length = character.trim() === '' ? length + 1 : 0;
    longest = Math.max(longest, length);
  }
  return longest;
}

/** The parser tells no place: it is where the beginning of the text first fails as the whole does. */
function failingLine(source: string, words: string): number {
  const lines = source.split('\n');
  let [least, most] = [1, lines.length];
  const fails = (count: number): boolean => {
    try {
      read(lines.slice(0, count).join('\n'));
      return false;
    } catch (thrown) {
      return wordsOf(thrown) === words;
    }
  };
  while (least < most) {
    const middle = Math.floor((least + most) / 2);
    if (fails(middle)) most = middle;
    else least = middle + 1;
  }
  return least;
}

function wordsOf(thrown: unknown): string {
  if (thrown instanceof RangeError) return 'it is nested too deep, or makes a text too long';
  return thrown instanceof Error ? thrown.message : String(thrown);
}

function raise(words: unknown): never {
  throw new TemplateFailure(String(words ?? ''), true);
}

function range(meter: Meter, start: number, stop?: number, step = 1): number[] {
  const [from, to] = stop === undefined ? [0, start] : [start, stop];
  if (![from, to, step].every(Number.isFinite) || step === 0) throw new TemplateFailure('range() of no whole numbers');
  const length = Math.max(0, Math.ceil((to - from) / step));
  meter.charge(4 * length);
  return Array.from({ length }, (_, index) => from + index * step);
}

/** A value standing where a node is expected. */
const HELD = 'Held';

class MeteredInterpreter extends LibraryInterpreter {
  readonly #meter: Meter;
  readonly #charges: Charges;

  constructor(environment: Scope, meter: Meter, charges: Charges) {
    super(environment);
    this.#meter = meter;
    this.#charges = charges;
  }

  override evaluate(node: Node | undefined, environment: Scope): Value {
    this.#meter.charge(1);
    if (node === undefined) return super.evaluate(node, environment);
    const value = this.#value(node, environment);
    const charge = this.#charges.byNode.get(node);
    if (charge !== undefined) this.#meter.pay(value, charge);
    return value;
  }

  #value(node: Node, environment: Scope): Value {
    const fields = node as unknown as Fields; // every node has a type and fields by its kind
    switch (fields.type) {
      case HELD:
        return fields['value'] as Value; // put there by `held`
      case 'FilterExpression':
        return super.evaluate(this.#filter(fields, fields['operand'], environment), environment);
      case 'FilterStatement': {
        const body = { type: 'Program', body: fields['body'] };
        return super.evaluate(this.#filter(fields, body, environment), environment);
      }
      case 'CallExpression':
        return super.evaluate(this.#call(fields, environment), environment);
      case 'MemberExpression': {
        const value = super.evaluate(node, environment);
        // A method carried away would be called where its text is not known.
        if (isMethod(value) && !this.#charges.asked.has(node) && !('isCalled' in fields)) {
          throw new TemplateFailure('a method is used without being called');
        }
        return value;
      }
      default:
        return super.evaluate(node, environment);
    }
  }

  /** The same filter, its operand and arguments known and paid. */
  #filter(fields: Fields, operand: unknown, environment: Scope): Node {
    const filter = fields['filter'] as Fields; // an identifier or a call of one
    const value = this.evaluate(operand as Node, environment); // the field is a node
    const [name, args] =
      filter.type === 'CallExpression'
        ? [identifier(filter['callee']), this.#hold(filter['args'], environment)]
        : [identifier(filter), { nodes: [], values: [] }];
    this.#meter.payOperation(name, value, args.values);
    return asNode({
      type: 'FilterExpression',
      operand: held(value),
      filter: filter.type === 'CallExpression' ? { ...filter, args: args.nodes } : filter,
    });
  }

  /** The same call, likewise. */
  #call(fields: Fields, environment: Scope): Node {
    const callee = fields['callee'] as Fields; // the field is a node
    const { nodes, values } = this.#hold(fields['args'], environment);
    if (callee.type !== 'MemberExpression') {
      for (const value of values) this.#meter.pay(value, 'text');
      return asNode({ ...fields, args: nodes });
    }
    const object = this.evaluate(callee['object'] as Node, environment); // the field is a node
    const property = callee['property'];
    const [name, isComputed] = callee['computed']
      ? [this.evaluate(property as Node, environment), true] // the field is a node
      : [property, false];
    this.#meter.payOperation(isComputed ? String((name as Value).value) : identifier(name), object, values);
    const known = isComputed ? { property: held(name as Value) } : {}; // evaluated above
    return asNode({
      ...fields,
      callee: { ...callee, object: held(object), ...known, isCalled: true },
      args: nodes,
    });
  }

  #hold(args: unknown, environment: Scope): { readonly nodes: unknown[]; readonly values: Value[] } {
    const values: Value[] = [];
    const nodes = (args as readonly Fields[]).map((node) => {
      const isNamed = node.type === 'KeywordArgumentExpression';
      const isSpread = node.type === 'SpreadExpression' || node.type === 'KeywordSpreadExpression';
      const inner = isNamed ? node['value'] : isSpread ? node['argument'] : node;
      const value = this.evaluate(inner as Node, environment); // the fields are nodes
      values.push(...(isSpread ? elementsOf(value) : [value]));
      // Some filters take literals only, and look at the node.
      if (!isNamed && !isSpread) return node.type.endsWith('Literal') ? node : held(value);
      return { ...node, ...(isNamed ? { value: held(value) } : { argument: held(value) }) };
    });
    return { nodes, values };
  }
}

function held(value: Value): Fields {
  return { type: HELD, value };
}

/** The interpreter looks at `type` and fields only. */
function asNode(fields: Fields): Node {
  return fields as unknown as Node; // made of a node's own fields
}

function identifier(node: unknown): string {
  return isNode(node) ? String(node['value']) : '';
}

function isMethod({ type }: Value): boolean {
  return type === 'FunctionValue';
}
