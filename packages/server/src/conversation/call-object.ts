// One call of a tool being read as it comes, character by character: a JSON object with a name and arguments, in either
// order. Only as strict as it takes to know where the arguments end.

/** `done` with the object's last brace; `failed` by the character that cannot stand there. */
export type CallProgress = 'more' | 'done' | 'failed';

/** Keys of a call in the formats there are; another one makes it something else. */
const ARGUMENTS: ReadonlySet<string> = new Set(['arguments', 'parameters']);
const OTHERS: ReadonlySet<string> = new Set(['type', 'id']);

type State = 'begin' | 'first-key' | 'key' | 'in-key' | 'colon' | 'value' | 'in-value' | 'comma';

export class CallObject {
  readonly #names: ReadonlySet<string>;
  #state: State = 'begin';
  /** Of the string at hand, as written; of the arguments, all of them. */
  #written = '';
  #key = '';
  readonly #seen = new Set<string>();
  /** Brackets that are open inside the value at hand. */
  #open: string[] = [];
  #isInString = false;
  #isEscaped = false;
  #name: string | null = null;
  #arguments = '';
  #taken = 0;

  /** @param names - of the tools there are */
  constructor(names: ReadonlySet<string>) {
    this.#names = names;
  }

  /** Whether it is a call for sure: of a tool that is there, with arguments. */
  get isCertain(): boolean {
    return this.#name !== null && this.#arguments !== '';
  }

  get name(): string {
    return this.#name ?? '';
  }

  /** What has come of the arguments since last time. */
  takeArguments(): string {
    const piece = this.#arguments.slice(this.#taken);
    this.#taken = this.#arguments.length;
    return piece;
  }

  feed(character: string): CallProgress {
    if (this.#state === 'in-key' || this.#state === 'in-value') return this.#inside(character);
    if (/\s/.test(character)) return 'more';
    switch (this.#state) {
      case 'begin':
        return this.#go(character === '{', 'first-key');
      case 'first-key':
      case 'key':
        this.#written = character;
        this.#isInString = true;
        return this.#go(character === '"', 'in-key');
      case 'colon':
        return this.#go(character === ':', 'value');
      case 'value':
        return this.#beginValue(character);
      case 'comma':
        if (character === ',') return this.#go(true, 'key');
        return character === '}' && this.isCertain ? 'done' : 'failed';
      default:
        return this.#state satisfies never;
    }
  }

  #go(isRight: boolean, state: State): CallProgress {
    this.#state = state;
    return isRight ? 'more' : 'failed';
  }

  #beginValue(character: string): CallProgress {
    this.#state = 'in-value';
    this.#written = '';
    this.#open = [];
    if (ARGUMENTS.has(this.#key) && character !== '{') return 'failed';
    // Names, types and ids are texts.
    if (!ARGUMENTS.has(this.#key) && character !== '"') return 'failed';
    return this.#inside(character);
  }

  #inside(character: string): CallProgress {
    const isArguments = this.#state === 'in-value' && ARGUMENTS.has(this.#key);
    if (isArguments) this.#arguments += character;
    else this.#written += character;
    if (this.#isInString) {
      if (this.#isEscaped) this.#isEscaped = false;
      else if (character === '\\') this.#isEscaped = true;
      else if (character === '"') {
        this.#isInString = false;
        if (!isArguments) return this.#endString();
      }
      return 'more';
    }
    if (character === '"') this.#isInString = true;
    else if (character === '{' || character === '[') this.#open.push(character === '{' ? '}' : ']');
    else if (character === '}' || character === ']') {
      if (this.#open.pop() !== character) {
        this.#arguments = this.#arguments.slice(0, -1);
        return 'failed';
      }
      if (this.#open.length === 0) this.#state = 'comma';
    }
    return 'more';
  }

  #endString(): CallProgress {
    const text = readText(this.#written);
    if (text === null) return 'failed';
    if (this.#state === 'in-key') {
      this.#key = text;
      const kind = ARGUMENTS.has(text) ? 'arguments' : text;
      const isKnown = kind === 'arguments' || kind === 'name' || OTHERS.has(kind);
      if (!isKnown || this.#seen.has(kind)) return 'failed';
      this.#seen.add(kind);
      return this.#go(true, 'colon');
    }
    if (this.#key === 'name') {
      if (!this.#names.has(text)) return 'failed';
      this.#name = text;
    }
    return this.#go(true, 'comma');
  }
}

function readText(json: string): string | null {
  try {
    return String(JSON.parse(json));
  } catch {
    return null;
  }
}
