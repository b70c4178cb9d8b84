// In how many ways a grammar reads one text. llama.cpp keeps a stack for every way and goes through all of them again for
// every token of a vocabulary, so ways that multiply with each character hold a model for minutes. Whether they do is tried
// out: from every place of every rule, along the texts that are read in the most ways.
// Source: llama.cpp, src/llama-grammar.cpp, llama_grammar_advance_stack and llama_grammar_reject_candidates_for_stack.
import { AmaasError } from '@amaas/core';
import { END, OR, readRuleElements, RULE, type RuleElements } from './rule-elements.ts';
import { type Counted, Readings, type Stack } from './readings.ts';
import { askedName } from './written-grammar.ts';

/** Characters that a text is followed for: longer tokens are rare, and of one character over and over. */
const MOST_CHARACTERS = 32;
/** Texts followed side by side, and where each has many stacks. */
const MOST_TEXTS = 2;
const MANY_STACKS = 64;
/** Where ways have not grown so much after each of so many characters, they stay few in all that are followed. */
const LOOK_EVERY = 8;
const LEAST_GROWTH = 6;
/** Stacks at one place of a text. */
const MOST_STACKS = 4096;
/** Stacks made for one character, before equal ones are one: llama.cpp holds each against all others. */
const MOST_MADE = 50_000;
/** Steps of all that is tried out, about 0.15 s: nothing else goes on meanwhile. */
export const MOST_WAYS_STEPS = 1e6;
/** Where nothing is refused for being large, what is wrong shows early or not at all. */
const MOST_STEPS_OF_LARGE = 3e5;
/** Looking at what may come next, beside the steps for each stack. */
const STEPS_OF_CHARACTER = 20;
/** Steps along texts in which no way meets another one. */
const MOST_LONELY_STEPS = 4000;

/** Words are short, and what follows them in a token is rarely refused: there, ways may double with each character. */
const MOST_LETTERS = 12;
const LETTERS = /\w/g;
/** Letters and other characters in turn are no token: `1,1,1,1`. */
const MOST_RUNS = 6;
const RUNS = /\w+|\W+/g;

/** What may be done again along a text because ways have met: a few alternatives may, those that multiply may not. */
function mostRepeated(text: string): number {
  const letters = lettersOf(text);
  return 800 + 200 * 2 ** (0.8 * letters) + 200 * (text.length - letters) ** 2;
}

/** Whether a token of a vocabulary may be like this. */
function isToken(text: string): boolean {
  return lettersOf(text) <= MOST_LETTERS && (text.match(RUNS)?.length ?? 0) <= MOST_RUNS;
}

function lettersOf(text: string): number {
  return text.match(LETTERS)?.length ?? 0;
}

export interface WaysOptions {
  /**
   * Whether a grammar passes that takes too long to try out. Default false; for those made here of parts that each have been
   * tried out, whose ways are few in all likelihood.
   */
  readonly mayBeLarge?: boolean;
  /** Default {@link MOST_WAYS_STEPS}. */
  readonly mostSteps?: number;
}

/**
 * @param grammar - well-formed GBNF
 * @returns steps it took to find out
 * @throws INVALID_ARGUMENT naming the rule that reads a text in too many ways, and that text, or begins with itself
 */
export function checkWaysOfReading(
  grammar: string,
  { mayBeLarge = false, mostSteps = mayBeLarge ? MOST_STEPS_OF_LARGE : MOST_WAYS_STEPS }: WaysOptions = {},
): number {
  const rules = readRuleElements(grammar);
  checkBeginnings(rules);
  const ways = new WaysOfReading(rules, mostSteps);
  ways.check();
  if (!ways.isDone && !mayBeLarge) {
    throw refused('it takes too long to find out in how many ways it reads a text; make it smaller');
  }
  return ways.steps;
}

interface Followed {
  readonly text: string;
  /** How often each stack stands there. */
  readonly stacks: ReadonlyMap<Stack, number>;
  readonly repeated: number;
}

class WaysOfReading {
  readonly #rules: RuleElements;
  readonly #readings: Readings;
  readonly #seen = new Set<number>();
  readonly #tried = new Set<readonly Stack[]>();
  readonly #followed = new Set<string>();
  readonly #mostSteps: number;
  #steps = 0;

  constructor(rules: RuleElements, mostSteps: number) {
    this.#rules = rules;
    this.#mostSteps = mostSteps;
    this.#readings = new Readings(rules);
  }

  get steps(): number {
    return this.#steps;
  }

  /** Whether everything has been tried out. */
  get isDone(): boolean {
    return this.#steps <= this.#mostSteps && !this.#readings.isFull;
  }

  check(): void {
    const todo: Stack[] = [];
    const visit = (stacks: readonly Stack[], from: number): void => {
      if (this.#tried.has(stacks) || !this.isDone) return;
      this.#tried.add(stacks);
      this.#steps += stacks.length;
      if (this.#readings.isShared(stacks) && this.#isNew(stacks)) this.#follow(stacks, from);
      for (const stack of stacks) {
        if (stack === 0) continue;
        const key = this.#readings.placeOf(stack);
        if (this.#seen.has(key)) continue;
        this.#seen.add(key);
        todo.push(stack);
      }
    };
    for (const place of this.#places()) {
      if (this.isDone) visit(this.#readings.at(place), place);
    }
    for (let stack = todo.pop(); stack !== undefined && this.isDone; stack = todo.pop()) {
      this.#steps++;
      visit(this.#readings.after(stack), this.#readings.bottomOf(stack));
    }
  }

  /** Copies that a repetition has made are followed once, and so is one rule wherever it is used. */
  #isNew(stacks: readonly Stack[]): boolean {
    const key = stacks.map((stack) => this.#readings.upperPlaceOf(stack)).join();
    if (this.#followed.has(key)) return false;
    this.#followed.add(key);
    return true;
  }

  /** Where rules, and the rules within them, begin. */
  #places(): readonly number[] {
    const { elements } = this.#rules;
    const beginnings = new Set<number>();
    const others = new Set<number>();
    const places: number[] = [];
    let isBeginning = true;
    elements.forEach(({ kind, source }, place) => {
      const isEnd = kind === END || kind === OR;
      const known = isBeginning ? beginnings : others;
      // Of copies that a repetition has made, the last one has something else after it.
      const isPlace = isBeginning || (kind === RULE && elements[place + 1]?.source !== source);
      if (!isEnd && isPlace && !known.has(source)) {
        known.add(source);
        places.push(place);
      }
      isBeginning = isEnd;
    });
    return places;
  }

  /** Along the texts that can be read in the most ways. */
  #follow(stacks: readonly Stack[], from: number): void {
    let texts: readonly Followed[] = [{ text: '', stacks: new Map(stacks.map((each) => [each, 1])), repeated: 0 }];
    const began = this.#steps;
    let wasWidth = stacks.length;
    for (let characters = 1; characters <= MOST_CHARACTERS && texts.length > 0 && this.isDone; characters++) {
      const longer: { readonly followed: Followed; readonly ways: number }[] = [];
      for (const each of texts) {
        this.#steps += STEPS_OF_CHARACTER + each.stacks.size;
        for (const [code, readers] of this.#readings.readersOf(each.stacks)) {
          // What one way alone leads to is tried out from there.
          if (readers.length === 1 && readers[0]?.[1] === 1) continue;
          const followed = this.#read(each, { code, readers, from });
          if (followed === null || !isToken(followed.text)) continue;
          if (followed.repeated > mostRepeated(followed.text)) throw this.#tooMany(followed.text, from);
          let ways = 0;
          for (const count of followed.stacks.values()) ways += count;
          longer.push({ followed, ways });
        }
      }
      longer.sort((a, b) => b.ways - a.ways);
      const width = longer[0]?.followed.stacks.size ?? 0;
      texts = longer.slice(0, width > MANY_STACKS ? 1 : MOST_TEXTS).map(({ followed }) => followed);
      let most = 1;
      for (const each of texts) for (const count of each.stacks.values()) most = Math.max(most, count);
      const growth = Math.max(most, width / stacks.length);
      if (most === 1 && width <= wasWidth && this.#steps - began > MOST_LONELY_STEPS) return;
      wasWidth = width;
      if (characters % LOOK_EVERY === 0 && growth < LEAST_GROWTH ** (characters / LOOK_EVERY)) return;
    }
  }

  /** The text with one character more; null: nothing comes after it. */
  #read(
    { text, repeated }: Followed,
    { code, readers, from }: { readonly code: number; readonly readers: Counted; readonly from: number },
  ): Followed | null {
    const longer = text + String.fromCodePoint(code);
    const next = new Map<Stack, number>();
    let [work, made] = [repeated, 0];
    this.#steps += readers.length;
    for (const [stack, count] of readers) {
      const after = this.#readings.after(stack);
      made += after.length;
      if (made > MOST_MADE) throw this.#tooMany(longer, from);
      this.#steps += after.length;
      work += (count - 1) * after.length;
      for (const each of after) next.set(each, (next.get(each) ?? 0) + count);
    }
    if (next.size > MOST_STACKS) throw this.#tooMany(longer, from);
    next.delete(0);
    return next.size === 0 ? null : { text: longer, stacks: next, repeated: work };
  }

  #tooMany(text: string, from: number): AmaasError {
    const rule = askedName(this.#readings.ruleOf(from));
    return refused(
      `the rule "${rule}" reads ${JSON.stringify(text)} in too many ways; let each text be read in one or a few`,
      rule,
    );
  }
}

/** Elements that llama.cpp looks at in search of such rules: it goes through a rule again on each way there. */
const MOST_SEARCHED = 2e7;
/** Rules within rules, each a call within a call. */
const MOST_SEARCH_DEPTH = 4096;

/** Refuses rules that begin with themselves, and those that llama.cpp would search for them without end. */
function checkBeginnings(rules: RuleElements): void {
  const ruleOf = new Beginnings(rules);
  const searched = new Map<number, number>();
  const isOpen = new Set<number>();
  for (const rule of rules.starts.keys()) {
    if (searched.has(rule)) continue;
    const todo = [ruleOf.enter(rule)];
    isOpen.add(rule);
    for (let top = todo.at(-1); top !== undefined; top = todo.at(-1)) {
      const name = askedName(rules.names[top.rule] ?? '');
      if (top.searched > MOST_SEARCHED) throw refused(`too many rules begin with one another from "${name}" on`, name);
      const target = top.first[top.next++];
      if (target === undefined) {
        searched.set(top.rule, top.searched);
        isOpen.delete(top.rule);
        todo.pop();
        const above = todo.at(-1);
        if (above !== undefined) above.searched += top.searched;
        continue;
      }
      const known = searched.get(target);
      if (known !== undefined) top.searched += known;
      else if (isOpen.has(target)) throw refused(`the rule "${name}" begins with itself`, name);
      else if (todo.length > MOST_SEARCH_DEPTH) {
        throw refused(`more than ${MOST_SEARCH_DEPTH} rules begin with one another, "${name}" among them`, name);
      } else {
        isOpen.add(target);
        todo.push(ruleOf.enter(target));
      }
    }
  }
}

interface Entered {
  readonly rule: number;
  readonly first: readonly number[];
  next: number;
  searched: number;
}

/** Rules that rules begin with, as llama.cpp sees it: only a rule with an empty alternative lets the next one begin. */
class Beginnings {
  readonly #rules: RuleElements;
  readonly #isEmpty = new Map<number, boolean>();

  constructor(rules: RuleElements) {
    this.#rules = rules;
  }

  enter(rule: number): Entered {
    const { elements, starts } = this.#rules;
    const start = starts[rule] ?? 0;
    const first: number[] = [];
    let isBeginning = true;
    for (let place = start; ; place++) {
      const element = elements[place];
      if (element === undefined || element.kind === END) {
        return { rule, first, next: 0, searched: place - start + 1 };
      }
      if (element.kind === OR) isBeginning = true;
      else if (element.kind === RULE && isBeginning) {
        first.push(element.value);
        isBeginning = this.#hasEmpty(element.value);
      } else isBeginning = false;
    }
  }

  #hasEmpty(rule: number): boolean {
    const known = this.#isEmpty.get(rule);
    if (known !== undefined) return known;
    const { elements, starts } = this.#rules;
    let isBeginning = true;
    let found = false;
    for (let place = starts[rule] ?? 0; !found; place++) {
      const kind = elements[place]?.kind ?? END;
      const isEnd = kind === END || kind === OR;
      found = isEnd && isBeginning;
      if (kind === END) break;
      isBeginning = isEnd;
    }
    this.#isEmpty.set(rule, found);
    return found;
  }
}

function refused(what: string, rule?: string): AmaasError {
  return new AmaasError('INVALID_ARGUMENT', `grammar: ${what}`, rule === undefined ? {} : { details: { rule } });
}
