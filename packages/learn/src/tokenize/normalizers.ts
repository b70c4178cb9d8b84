// What happens to a text before it is cut into words: forms of Unicode, case, accents, replacements. Each normalizer is
// a function from aligned text to aligned text, built once from its part of a tokenizer.json.
import { type AlignedText, prependAligned, replaceAligned, sliceAligned, withText } from './aligned-text.ts';
import { writeByteCharacters } from './byte-characters.ts';
import type { JsonNode } from './json-node.ts';
import { normalizeAligned } from './normalization-forms.ts';
import { compilePattern } from './patterns.ts';
import { CONTROL_CLASS, IDEOGRAPH_CLASS, SPACE_CLASS } from './unicode-classes.ts';

export type Normalizer = (text: AlignedText) => AlignedText;

/** Sequences within sequences; deeper ones are no tokenizer any more, and recursion stays bounded. */
const MAX_DEPTH = 20;

const NORMALIZER_TYPES = [
  'NFC',
  'NFD',
  'NFKC',
  'NFKD',
  'Lowercase',
  'StripAccents',
  'BertNormalizer',
  'Replace',
  'Prepend',
  'Strip',
  'ByteLevel',
  'Sequence',
] as const;

const CONTROLS = new RegExp(CONTROL_CLASS, 'gv');
const SPACES = new RegExp(SPACE_CLASS, 'gv');
const IDEOGRAPHS = new RegExp(IDEOGRAPH_CLASS, 'gv');
const LEADING_SPACES = new RegExp(`^${SPACE_CLASS}+`, 'v');

/** @throws INVALID_MODEL naming the field. */
export function readNormalizer(node: JsonNode, depth = 0): Normalizer {
  if (node.isAbsent) return (text) => text;
  if (depth > MAX_DEPTH) throw node.refuse(`sequences at most ${MAX_DEPTH} deep`);
  const type = node.at('type').oneOf(NORMALIZER_TYPES);
  switch (type) {
    case 'NFC':
    case 'NFD':
    case 'NFKC':
    case 'NFKD':
      return (text) => normalizeAligned(text, type);
    case 'Lowercase':
      return lowerCase;
    case 'StripAccents':
      return (text) => replaceAligned(text, /\p{M}/gu, { by: () => '' });
    case 'BertNormalizer':
      return readBertNormalizer(node);
    case 'Replace': {
      const pattern = compilePattern(node.at('pattern'));
      const content = node.at('content').text();
      return (text) => replaceAligned(text, pattern, { by: () => content, stretch: 'last' });
    }
    case 'Prepend': {
      const prefix = node.at('prepend').text();
      return (text) => prependAligned(text, prefix);
    }
    case 'Strip': {
      const left = node.at('strip_left').boolean();
      const right = node.at('strip_right').boolean();
      return (text) => stripSpaces(text, left, right);
    }
    case 'ByteLevel':
      return (text) => replaceAligned(text, /[^!-~]/gu, { by: writeByteCharacters });
    case 'Sequence': {
      const parts = node
        .at('normalizers')
        .list()
        .map((part) => readNormalizer(part, depth + 1));
      return (text) => parts.reduce((normalized, part) => part(normalized), text);
    }
    default:
      return type satisfies never;
  }
}

function readBertNormalizer(node: JsonNode): Normalizer {
  const cleans = node.at('clean_text').boolean(true);
  const parts = node.at('handle_chinese_chars').boolean(true);
  const lowers = node.at('lowercase').boolean(true);
  const strips = node.at('strip_accents').boolean(lowers);
  return (text) => {
    let normalized = text;
    if (cleans) {
      normalized = replaceAligned(normalized, CONTROLS, { by: () => '' });
      // Every space is one unit long, and so is what it becomes.
      normalized = withText(normalized, normalized.text.replace(SPACES, ' '));
    }
    if (parts) normalized = replaceAligned(normalized, IDEOGRAPHS, { by: (ideograph) => ` ${ideograph} ` });
    if (strips) {
      normalized = normalizeAligned(normalized, 'NFD');
      normalized = replaceAligned(normalized, /\p{Mn}/gu, { by: () => '' });
    }
    return lowers ? lowerCase(normalized) : normalized;
  };
}

/** Each character by itself: an S at the end of a Greek word is lowered like any other. */
function lowerCase(text: AlignedText): AlignedText {
  // Only this letter becomes longer; everything else keeps its place.
  const plain = replaceAligned(text, /İ/g, { by: () => 'i\u0307' });
  return withText(plain, plain.text.replaceAll('Σ', 'σ').toLowerCase());
}

function stripSpaces(text: AlignedText, left: boolean, right: boolean): AlignedText {
  const start = left ? (LEADING_SPACES.exec(text.text)?.[0].length ?? 0) : 0;
  let end = text.text.length;
  while (right && end > start && text.text.slice(end - 1, end).search(SPACES) === 0) end--;
  return sliceAligned(text, start, end);
}
