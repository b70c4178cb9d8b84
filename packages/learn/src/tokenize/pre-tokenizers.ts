// How a normalized text falls into words, which the model never joins again. A pre-tokenizer appends the words of one
// text to a list; it is built once from its part of a tokenizer.json.
import { type AlignedText, originalStart, prependAligned, replaceAligned } from './aligned-text.ts';
import { writeByteCharacters } from './byte-characters.ts';
import type { JsonNode } from './json-node.ts';
import { compilePattern, spellCharacter } from './patterns.ts';
import { SPLIT_BEHAVIORS, type SplitBehavior, splitInto } from './split-pieces.ts';
import { PUNCTUATION_CLASS, SPACE_CLASS, WORD_CLASS } from './unicode-classes.ts';

type Step = (text: AlignedText, words: AlignedText[]) => void;

export interface PreTokenizer {
  /** The words of a text, in order. */
  readonly split: (text: AlignedText) => readonly AlignedText[];
  /** Whether the words are to be written as byte characters; left to whoever remembers words, who saves most of it. */
  readonly asBytes: boolean;
}

const PRE_TOKENIZER_TYPES = [
  'ByteLevel',
  'Whitespace',
  'WhitespaceSplit',
  'BertPreTokenizer',
  'Metaspace',
  'Punctuation',
  'Digits',
  'Split',
  'CharDelimiterSplit',
  'Sequence',
] as const;

const MAX_DEPTH = 20;

/** GPT-2's words. Source: the code published with Radford et al. (2019); \s as all of Unicode understands it. */
const GPT2_WORDS = new RegExp(
  `'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^${SPACE_CLASS}\\p{L}\\p{N}]+|${SPACE_CLASS}+(?![^${SPACE_CLASS}])|${SPACE_CLASS}+`,
  'gv',
);
const SPACES = new RegExp(`${SPACE_CLASS}`, 'gv');
const WORDS = new RegExp(`${WORD_CLASS}+|[^${WORD_CLASS}${SPACE_CLASS}]+`, 'gv');
const PUNCTUATION = new RegExp(PUNCTUATION_CLASS, 'gv');
const NUMERIC = /\p{N}/gv;

/** @throws INVALID_MODEL naming the field. */
export function readPreTokenizer(node: JsonNode): PreTokenizer {
  const nodes = listSteps(node, 0);
  const last = nodes.at(-1);
  // Byte characters that later steps do not look at need not be there while they run.
  const asBytes = last?.at('type').value === 'ByteLevel';
  const steps = nodes.map((step) => readStep(step, { leavesBytes: asBytes && step === last }));
  return {
    asBytes,
    split: (text) => {
      let words: readonly AlignedText[] = text.text === '' ? [] : [text];
      for (const step of steps) {
        const next: AlignedText[] = [];
        for (const word of words) step(word, next);
        words = next;
      }
      return words;
    },
  };
}

function listSteps(node: JsonNode, depth: number): readonly JsonNode[] {
  if (node.isAbsent) return [];
  if (depth > MAX_DEPTH) throw node.refuse(`sequences at most ${MAX_DEPTH} deep`);
  if (node.at('type').value !== 'Sequence') return [node];
  return node
    .at('pretokenizers')
    .list()
    .flatMap((part) => listSteps(part, depth + 1));
}

function readStep(node: JsonNode, { leavesBytes }: { readonly leavesBytes: boolean }): Step {
  const type = node.at('type').oneOf(PRE_TOKENIZER_TYPES);
  switch (type) {
    case 'ByteLevel':
      return readByteLevel(node, leavesBytes);
    case 'Whitespace':
      return cut(WORDS, 'Removed', true);
    case 'WhitespaceSplit':
      return cut(SPACES, 'Removed');
    case 'BertPreTokenizer': {
      const spaces = cut(SPACES, 'Removed');
      const punctuation = cut(PUNCTUATION, 'Isolated');
      return (text, words) => {
        const parts: AlignedText[] = [];
        spaces(text, parts);
        for (const part of parts) punctuation(part, words);
      };
    }
    case 'Metaspace':
      return readMetaspace(node);
    case 'Punctuation':
      return cut(PUNCTUATION, node.at('behavior').oneOf(SPLIT_BEHAVIORS, 'Isolated'));
    case 'Digits':
      return cut(NUMERIC, node.at('individual_digits').boolean(false) ? 'Isolated' : 'Contiguous');
    case 'Split':
      return cut(
        compilePattern(node.at('pattern')),
        node.at('behavior').oneOf(SPLIT_BEHAVIORS),
        node.at('invert').boolean(false),
      );
    case 'CharDelimiterSplit':
      return cut(new RegExp(spellCharacter(node.at('delimiter').character()), 'gv'), 'Removed');
    case 'Sequence':
      throw node.refuse('a step'); // sequences were opened before
    default:
      return type satisfies never;
  }
}

function cut(pattern: RegExp, behavior: SplitBehavior, invert = false): Step {
  return (text, words) => splitInto(words, text, { pattern, behavior, invert });
}

function readByteLevel(node: JsonNode, leavesBytes: boolean): Step {
  const addsSpace = node.at('add_prefix_space').boolean(true);
  const splits = node.at('use_regex').boolean(true);
  const toWords = cut(GPT2_WORDS, 'Isolated');
  return (text, words) => {
    const spaced = addsSpace && !text.text.startsWith(' ') ? prependAligned(text, ' ') : text;
    const parts: AlignedText[] = [];
    if (splits) toWords(spaced, leavesBytes ? words : parts);
    else (leavesBytes ? words : parts).push(spaced);
    for (const part of parts) words.push(replaceAligned(part, /[^!-~]/gu, { by: writeByteCharacters }));
  };
}

function readMetaspace(node: JsonNode): Step {
  const replacement = node.at('replacement').character();
  const older = node.at('add_prefix_space');
  const scheme = node
    .at('prepend_scheme')
    .oneOf(['always', 'never', 'first'], older.isAbsent || older.boolean() ? 'always' : 'never');
  const splits = node.at('split').boolean(true);
  const toWords = cut(new RegExp(spellCharacter(replacement), 'gv'), 'MergedWithNext');
  return (text, words) => {
    let marked = replaceAligned(text, / /g, { by: () => replacement });
    const prepends = scheme === 'always' || (scheme === 'first' && originalStart(text, 0) === 0);
    if (prepends && !marked.text.startsWith(replacement)) marked = prependAligned(marked, replacement);
    if (splits) toWords(marked, words);
    else words.push(marked);
  };
}
