// From tokens back to text: each decoder turns a list of pieces into another one, and what is left is joined.
import { decodeUtf8, readByteCharacters } from './byte-characters.ts';
import type { JsonNode } from './json-node.ts';
import { compilePattern } from './patterns.ts';

export type Decoder = (pieces: readonly string[]) => readonly string[];

const DECODER_TYPES = [
  'ByteLevel',
  'WordPiece',
  'Metaspace',
  'BPEDecoder',
  'ByteFallback',
  'Fuse',
  'Strip',
  'Replace',
  'CTC',
  'Sequence',
] as const;
const MAX_DEPTH = 20;

/** How English is put together again after it was taken apart, in this order. */
const CLEAN_UPS: readonly (readonly [string, string])[] = [
  [' .', '.'],
  [' ?', '?'],
  [' !', '!'],
  [' ,', ','],
  [" ' ", "'"],
  [" n't", "n't"],
  [" 'm", "'m"],
  [' do not', " don't"],
  [" 's", "'s"],
  [" 've", "'ve"],
  [" 're", "'re"],
];

/** Without a decoder tokens are joined by spaces. @throws INVALID_MODEL naming the field. */
export function readDecoder(node: JsonNode, depth = 0): Decoder {
  if (node.isAbsent) return (pieces) => pieces.map((piece, index) => (index === 0 ? piece : ` ${piece}`));
  if (depth > MAX_DEPTH) throw node.refuse(`sequences at most ${MAX_DEPTH} deep`);
  const type = node.at('type').oneOf(DECODER_TYPES);
  switch (type) {
    case 'ByteLevel':
      return (pieces) => [decodeUtf8(readByteCharacters(pieces))];
    case 'WordPiece':
      return readWordPiece(node);
    case 'Metaspace':
      return readMetaspace(node);
    case 'BPEDecoder': {
      const suffix = node.at('suffix').isAbsent ? '</w>' : node.at('suffix').text();
      if (suffix === '') return (pieces) => pieces;
      return (pieces) => pieces.map((piece, index) => piece.replaceAll(suffix, index === pieces.length - 1 ? '' : ' '));
    }
    case 'ByteFallback':
      return joinByteTokens;
    case 'Fuse':
      return (pieces) => [pieces.join('')];
    case 'Strip':
      return readStrip(node);
    case 'Replace': {
      const pattern = compilePattern(node.at('pattern'));
      const content = node.at('content').text();
      return (pieces) => pieces.map((piece) => piece.replace(pattern, () => content));
    }
    case 'CTC':
      return readCtc(node);
    case 'Sequence': {
      const parts = node
        .at('decoders')
        .list()
        .map((part) => readDecoder(part, depth + 1));
      return (pieces) => parts.reduce((decoded, part) => part(decoded), pieces);
    }
    default:
      return type satisfies never;
  }
}

function readWordPiece(node: JsonNode): Decoder {
  const prefix = node.at('prefix').isAbsent ? '##' : node.at('prefix').text();
  const cleans = node.at('cleanup').boolean(true);
  return (pieces) =>
    pieces.map((piece, index) => {
      let joined = piece;
      if (index > 0) joined = piece.startsWith(prefix) ? piece.slice(prefix.length) : ` ${piece}`;
      return cleans ? cleanUp(joined) : joined;
    });
}

function cleanUp(text: string): string {
  return CLEAN_UPS.reduce((cleaned, [from, to]) => cleaned.replaceAll(from, to), text);
}

function readMetaspace(node: JsonNode): Decoder {
  const replacement = node.at('replacement').character();
  const older = node.at('add_prefix_space');
  const scheme = node
    .at('prepend_scheme')
    .oneOf(['always', 'never', 'first'], older.isAbsent || older.boolean() ? 'always' : 'never');
  return (pieces) =>
    pieces.map((piece, index) => piece.replaceAll(replacement, index === 0 && scheme !== 'never' ? '' : ' '));
}

/** Tokens such as <0xF0> become the bytes they name; runs that are no UTF-8 become as many U+FFFD as there are bytes. */
function joinByteTokens(pieces: readonly string[]): readonly string[] {
  const joined: string[] = [];
  let bytes: number[] = [];
  const flush = (): void => {
    if (bytes.length === 0) return;
    try {
      joined.push(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(bytes)));
    } catch {
      for (const _ of bytes) joined.push('\ufffd');
    }
    bytes = [];
  };
  for (const piece of pieces) {
    const byte = /^<0x([\da-fA-F]{2})>$/.exec(piece)?.[1];
    if (byte === undefined) {
      flush();
      joined.push(piece);
    } else {
      bytes.push(Number.parseInt(byte, 16));
    }
  }
  flush();
  return joined;
}

function readStrip(node: JsonNode): Decoder {
  const content = node.at('content').character();
  const left = node.at('start').whole();
  const right = node.at('stop').whole();
  return (pieces) =>
    pieces.map((piece) => {
      const characters = Array.from(piece);
      let start = 0;
      while (start < left && characters[start] === content) start++;
      let end = characters.length;
      while (end > start && characters.length - end < right && characters[end - 1] === content) end--;
      return characters.slice(start, end).join('');
    });
}

/** What a network trained by CTC gives: repeated tokens are one, the blank separates. */
function readCtc(node: JsonNode): Decoder {
  const blank = node.at('pad_token').isAbsent ? '<pad>' : node.at('pad_token').text();
  const delimiter = node.at('word_delimiter_token').isAbsent ? '|' : node.at('word_delimiter_token').text();
  const cleans = node.at('cleanup').boolean(true);
  return (pieces) =>
    pieces
      .filter((piece, index) => piece !== pieces[index - 1])
      .map((piece) => (blank === '' ? piece : piece.replaceAll(blank, '')))
      .map((piece) => (cleans ? cleanUp(piece).replaceAll(delimiter, ' ') : piece))
      .filter((piece) => piece !== '');
}
