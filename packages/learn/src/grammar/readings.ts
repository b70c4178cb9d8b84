// The ways of going on in a grammar, as llama.cpp has them: a stack holds what is still to be read, each part of it below the
// one that it comes after; its top is a class of characters or a token. Stacks are numbered, so that equal ones are one.
// Source: llama.cpp, src/llama-grammar.cpp, llama_grammar_advance_stack.
import { AmaasError } from '@amaas/core';
import { CHARACTERS, END, OR, RULE, type RuleElement, type RuleElements } from './rule-elements.ts';
import { askedName } from './written-grammar.ts';

/** A stack's number; 0: nothing is left to read. */
export type Stack = number;
/** Stacks, and how often each stands there. */
export type Counted = readonly (readonly [Stack, number])[];

/** Steps from one place to all that may come next; more: it grows without end. */
const MOST_STEPS = 20_000;
/** Stacks known at once. */
const MOST_STACKS = 500_000;
/** Elements are fewer: a stack's number and an element's make one key. */
const KEY_BASE = 2 ** 20;

export class Readings {
  readonly #rules: RuleElements;
  readonly #starts: readonly (readonly number[])[];
  readonly #tops: number[] = [-1];
  readonly #below: Stack[] = [0];
  readonly #bottoms: number[] = [-1];
  readonly #places: number[] = [];
  readonly #upperPlaces: number[] = [];
  readonly #placeNumbers = new Map<string, number>();
  readonly #numbers = new Map<number, Stack>();
  readonly #open = new Map<Stack, readonly Stack[]>();

  constructor(rules: RuleElements) {
    this.#rules = rules;
    this.#starts = rules.starts.map((start) => alternatives(rules.elements, start));
  }

  /** Whether more stacks are known than should be. */
  get isFull(): boolean {
    return this.#tops.length > MOST_STACKS;
  }

  /** Ways of reading what begins at a place of a rule, until the rule's end. */
  at(place: number): readonly Stack[] {
    return this.#opened(this.#push(0, place));
  }

  /** Ways of reading on after a stack's top has been read. */
  after(stack: Stack): readonly Stack[] {
    return this.#opened(this.#next(stack));
  }

  /** Whether one character can be read in two ways. */
  isShared(stacks: readonly Stack[]): boolean {
    if (stacks.length < 2) return false;
    const classes = new Set<number>();
    for (const stack of stacks) {
      const element = this.#elementOf(stack);
      if (element?.kind !== CHARACTERS) continue;
      if (classes.has(element.value)) return true;
      classes.add(element.value);
    }
    const ranges = [...classes].flatMap((each) => [...(this.#rules.classes[each] ?? [])]).sort(([a], [b]) => a - b);
    return ranges.some(([from], index) => from <= (ranges[index - 1]?.[1] ?? -1));
  }

  /**
   * Which of some stacks read one character, for characters of which every other one is read by no more of them.
   * @param stacks - how often each stands there
   */
  *readersOf(stacks: Iterable<readonly [Stack, number]>): Iterable<readonly [code: number, readers: Counted]> {
    const byClass = new Map<number, (readonly [Stack, number])[]>();
    for (const each of stacks) {
      const element = this.#elementOf(each[0]);
      if (element?.kind !== CHARACTERS) continue;
      const same = byClass.get(element.value);
      if (same === undefined) byClass.set(element.value, [each]);
      else same.push(each);
    }
    const ranges = [...byClass].flatMap(([value, same]) =>
      (this.#rules.classes[value] ?? []).map(([from, to]) => ({ from, to, same })),
    );
    for (const code of new Set(ranges.map(({ from }) => from))) {
      yield [code, ranges.flatMap(({ from, to, same }) => (from <= code && code <= to ? same : []))];
    }
  }

  /** A number for where in the text a stack stands, whatever is in the middle of what is left to read. */
  placeOf(stack: Stack): number {
    this.#places[stack] ??= this.#numberOf([this.bottomOf(stack), ...this.#upper(stack, 3)]);
    return this.#places[stack];
  }

  /** A number for where in the text the upper parts of a stack stand. */
  upperPlaceOf(stack: Stack): number {
    this.#upperPlaces[stack] ??= this.#numberOf(this.#upper(stack, 4));
    return this.#upperPlaces[stack];
  }

  #upper(stack: Stack, parts: number): readonly number[] {
    const places: number[] = [];
    for (let [each, left] = [stack, parts]; left > 0; left--) {
      places.push(this.#tops[each] ?? -1);
      each = this.#below[each] ?? 0;
    }
    return places;
  }

  #numberOf(places: readonly number[]): number {
    const key = places.map((place) => this.#sourceOf(place)).join();
    const number = this.#placeNumbers.get(key) ?? this.#placeNumbers.size;
    this.#placeNumbers.set(key, number);
    return number;
  }

  /** The place at a stack's bottom. */
  bottomOf(stack: Stack): number {
    return this.#bottoms[stack] ?? -1;
  }

  /** The name of the rule that a place is in. */
  ruleOf(place: number): string {
    const { starts, names } = this.#rules;
    return names[starts.findLastIndex((start) => start <= place)] ?? '';
  }

  #sourceOf(place: number): number {
    return this.#rules.elements[place]?.source ?? -1;
  }

  #elementOf(stack: Stack): RuleElement | undefined {
    return this.#rules.elements[this.#tops[stack] ?? -1];
  }

  /** Without the top, and with what follows it. */
  #next(stack: Stack): Stack {
    const place = (this.#tops[stack] ?? 0) + 1;
    const below = this.#below[stack] ?? 0;
    return isEnd(this.#rules.elements[place]) ? below : this.#push(below, place);
  }

  #push(below: Stack, place: number): Stack {
    const key = below * KEY_BASE + place;
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const stack = this.#tops.length;
    this.#tops.push(place);
    this.#below.push(below);
    this.#bottoms.push(below === 0 ? place : this.bottomOf(below));
    this.#numbers.set(key, stack);
    return stack;
  }

  #opened(stack: Stack): readonly Stack[] {
    const known = this.#open.get(stack);
    if (known !== undefined) return known;
    const { elements } = this.#rules;
    const found: Stack[] = [];
    const seen = new Set<Stack>();
    const todo = [stack];
    for (let each = todo.pop(); each !== undefined; each = todo.pop()) {
      if (seen.has(each)) continue;
      seen.add(each);
      if (seen.size > MOST_STEPS) throw this.#endless(stack);
      const element = each === 0 ? undefined : elements[this.#tops[each] ?? 0];
      if (element?.kind !== RULE) {
        found.push(each);
        continue;
      }
      const below = this.#next(each);
      for (const start of this.#starts[element.value] ?? []) {
        todo.push(isEnd(elements[start]) ? below : this.#push(below, start));
      }
    }
    this.#open.set(stack, found);
    return found;
  }

  #endless(stack: Stack): AmaasError {
    const rule = askedName(this.ruleOf(this.#tops[stack] ?? 0));
    return new AmaasError(
      'INVALID_ARGUMENT',
      `grammar: the rule "${rule}" begins with itself, or goes on in more than ${MOST_STEPS} ways`,
      { details: { rule } },
    );
  }
}

function alternatives(elements: readonly RuleElement[], start: number): readonly number[] {
  const found = [start];
  for (let place = start; (elements[place]?.kind ?? END) !== END; place++) {
    if (elements[place]?.kind === OR) found.push(place + 1);
  }
  return found;
}

function isEnd(element: RuleElement | undefined): boolean {
  return element === undefined || element.kind === END || element.kind === OR;
}
