// The one grammar of an answer: what its form asks for, the calls it must or may make in the way this model writes them, and
// the thought before it where the prompt has begun one. Fails closed: what cannot be held to is refused by name.
import { createHash } from 'node:crypto';
import { AmaasError, type AnswerFormat, type ToolDefinition } from '@amaas/core';
import {
  addFreeText,
  addJsonObject,
  addJsonSchema,
  bodyOfExpression,
  characterClass,
  checkWaysOfReading,
  complementOf,
  either,
  GbnfRules,
  literal,
  optional,
  readWrittenGrammar,
  repeated,
  sequence,
} from '@amaas/learn/grammar';
import { THOUGHT_CLOSING } from './answer-reader.ts';
import type { CallFormat } from './call-formats.ts';

export interface AnswerPlan {
  readonly format: AnswerFormat;
  /** Null: no tools. */
  readonly calls: PlannedCalls | null;
  /** Whether the prompt has begun a thought, which the answer has to end. */
  readonly opensThought: boolean;
}

export interface PlannedCalls {
  readonly format: CallFormat;
  /** Those that may be called. */
  readonly tools: readonly ToolDefinition[];
  /** Whether the answer must call one. */
  readonly isForced: boolean;
  readonly mayBeSeveral: boolean;
  /** Whether the text that begins calls is a token, which has no text in answers. */
  readonly hidesOpening: boolean;
}

/** JSON and calls side by side would be one too many. */
const MOST_LINES_AFTER_THOUGHT = 2;

/**
 * @returns GBNF; null where the answer is free
 * @throws INVALID_ARGUMENT naming the tool, the keyword and its place, or the rule that would hold the model for too long
 */
export function answerGrammar({ format, calls, opensThought }: AnswerPlan): string | null {
  const rules = new GbnfRules();
  const written: string[] = [];
  const isHeld = calls !== null && needsGrammar(calls);
  if (format.kind === 'text' && !isHeld) return null;
  let body: string;
  if (calls?.isForced) body = callsRule(rules, calls);
  else if (format.kind === 'text') body = calls === null ? '""' : textOrCalls(rules, calls);
  else {
    const form = heldForm(rules, format, written);
    body = calls === null ? form : either([callsRule(rules, calls), form]);
  }
  if (opensThought) {
    const lines = repeated(literal('\n'), 0, MOST_LINES_AFTER_THOUGHT);
    const next = rules.add('answer', sequence([lines, body]));
    [body] = addFreeText(rules, { marker: THOUGHT_CLOSING, next, mayEnd: false });
  }
  const grammar = [rules.toString(body), ...written].join('\n');
  checkOnce(grammar, format.kind !== 'grammar' && format.kind !== 'expression');
  return grammar;
}

/** Of grammars that can be held to: callers ask for the same form again and again, and finding out takes a while. */
const passed = new Set<string>();
const MOST_PASSED = 1000;

function checkOnce(grammar: string, mayBeLarge: boolean): void {
  const key = createHash('sha256').update(`${mayBeLarge} ${grammar}`).digest('base64');
  if (passed.has(key)) return;
  checkWaysOfReading(grammar, { mayBeLarge });
  const [oldest] = passed;
  if (passed.size >= MOST_PASSED && oldest !== undefined) passed.delete(oldest);
  passed.add(key);
}

/** Calls of tools whose arguments must be right, and the number of calls, are not left to the model. */
function needsGrammar({ isForced, mayBeSeveral, tools }: PlannedCalls): boolean {
  return isForced || !mayBeSeveral || tools.some(({ strict }) => strict === true);
}

/** @throws as {@link formRule}, naming the field */
function heldForm(...[rules, format, written]: Parameters<typeof formRule>): string {
  try {
    return formRule(rules, format, written);
  } catch (thrown) {
    if (!(thrown instanceof AmaasError)) throw thrown;
    const { reason, message, details } = thrown;
    throw new AmaasError(reason, message, { details: { field: 'format', ...details } });
  }
}

function formRule(rules: GbnfRules, format: Exclude<AnswerFormat, { kind: 'text' }>, written: string[]): string {
  switch (format.kind) {
    case 'json-object':
      return addJsonObject(rules);
    case 'json-schema':
      return addJsonSchema(rules, format.schema);
    case 'expression':
      return bodyOfExpression(format.pattern);
    case 'grammar': {
      const grammar = readWrittenGrammar(format.grammar);
      written.push(grammar.rules);
      return grammar.root;
    }
    default:
      return format satisfies never;
  }
}

/** One call after the other, and nothing else. */
function callsRule(rules: GbnfRules, calls: PlannedCalls): string {
  const { opening, shape } = calls.format;
  const begin = opening === null ? '' : literal(opening);
  return sequence([begin, shape === 'list' ? optional(literal(' ')) : '', openedCalls(rules, calls)]);
}

/** What follows the text that begins calls. */
function openedCalls(rules: GbnfRules, { format, tools, isForced, mayBeSeveral }: PlannedCalls): string {
  const object = rules.add('call', either(tools.map((tool) => callOf(rules, tool, { format, isForced }))));
  const most = mayBeSeveral ? Number.POSITIVE_INFINITY : 0;
  const more = (part: string): string => (most === 0 ? '' : repeated(part, 0, most));
  const { opening, closing, shape } = format;
  switch (shape) {
    case 'tagged': {
      const first = sequence([literal('\n'), object, literal(`\n${closing}`)]);
      return sequence([first, more(sequence([literal(`\n${opening}`), first]))]);
    }
    case 'list':
      return sequence([literal('['), object, more(sequence([literal(', '), object])), literal(']')]);
    case 'bare':
      // Such models know one call per answer.
      return object;
    default:
      return shape satisfies never;
  }
}

function callOf(
  rules: GbnfRules,
  tool: ToolDefinition,
  { format, isForced }: { readonly format: CallFormat; readonly isForced: boolean },
): string {
  const values = isForced || tool.strict === true ? argumentsOf(rules, tool) : addJsonObject(rules);
  return sequence([
    literal(`{"name": ${JSON.stringify(tool.name)}, "${format.argumentsKey}": `),
    rules.add('arguments', values),
    literal('}'),
  ]);
}

function argumentsOf(rules: GbnfRules, { name, parameters }: ToolDefinition): string {
  const where = `generate: tools: parameters of ${JSON.stringify(name)}`;
  if (parameters === undefined) return addJsonSchema(rules, { type: 'object', additionalProperties: false });
  const { type = 'object' } = parameters;
  if (type !== 'object') {
    throw new AmaasError('INVALID_ARGUMENT', `${where}: #/type must be "object", got ${JSON.stringify(type)}`, {
      details: { field: 'tools', tool: name, path: '#/type' },
    });
  }
  const isTyped = ['$ref', 'anyOf', 'const', 'enum'].some((keyword) => keyword in parameters);
  try {
    return addJsonSchema(rules, isTyped ? parameters : { ...parameters, type });
  } catch (thrown) {
    if (!(thrown instanceof AmaasError)) throw thrown;
    const { message } = thrown;
    const details = { field: 'tools', tool: name, ...thrown.details };
    throw new AmaasError('INVALID_ARGUMENT', `${where}: ${message}`, { details });
  }
}

/** Free text in which no call begins, or calls, or text and then calls. */
function textOrCalls(rules: GbnfRules, calls: PlannedCalls): string {
  const { opening, shape } = calls.format;
  const space = '[ \\t\\n\\r]*';
  const anything = `${characterClass(complementOf([[0, 0]]))}*`;
  if (opening === null) {
    // Such a call begins the answer, so text may begin with neither its brace nor a token that has no text.
    const text = sequence([space, optional(sequence([firstOf('{<'), anything]))]);
    return either([callsRule(rules, calls), text]);
  }
  const between = shape === 'list' ? optional(literal(' ')) : '';
  const next = rules.add('calls', sequence([between, openedCalls(rules, calls)]));
  const [free, begun = free] = addFreeText(rules, { marker: opening, next, mayEnd: true });
  if (!calls.hidesOpening) return free;
  // Where the opening has no text, what follows it is a call already.
  const first = opening.slice(0, 1);
  const isCall = shape === 'list' ? '[' : '{';
  const starts = [sequence([firstOf(isCall + first), free])];
  if (first !== isCall) starts.push(sequence([literal(first), begun]));
  return either([sequence([literal(opening), next]), sequence([space, optional(either(starts))])]);
}

/** Any character but these and space. */
function firstOf(others: string): string {
  const codes = Array.from(`${others} \t\n\r`, (character) => character.codePointAt(0) ?? 0);
  return characterClass(complementOf(codes.map((code) => [code, code] as const)));
}
