// What is put around the tokens of one text or of a pair, and whether spaces count as part of tokens: read from a
// tokenizer.json into two templates, whatever way the file says it.
import type { TemplatePart, TokenList } from './encoding.ts';
import type { JsonNode } from './json-node.ts';
import { SPACE_CLASS } from './unicode-classes.ts';

export interface PostProcessing {
  readonly single: readonly TemplatePart[];
  readonly pair: readonly TemplatePart[];
  /** Type ids of the two texts where no special tokens are wanted. */
  readonly plainPair: readonly TemplatePart[];
  /** Takes spaces at the ends of tokens out of their stretches; empty: left as they are. */
  readonly trims: readonly { readonly addsPrefixSpace: boolean }[];
}

const POST_PROCESSOR_TYPES = [
  'TemplateProcessing',
  'BertProcessing',
  'RobertaProcessing',
  'ByteLevel',
  'Sequence',
] as const;
const MAX_DEPTH = 20;

const FIRST = { sequence: 0, typeId: 0 } as const;
const PLAIN: PostProcessing = {
  single: [FIRST],
  pair: [FIRST, { sequence: 1, typeId: 1 }],
  plainPair: [FIRST, { sequence: 1, typeId: 1 }],
  trims: [],
};

/** @throws INVALID_MODEL naming the field. */
export function readPostProcessor(node: JsonNode): PostProcessing {
  return listSteps(node, 0).reduce((processing, step) => addStep(processing, step), PLAIN);
}

function listSteps(node: JsonNode, depth: number): readonly JsonNode[] {
  if (node.isAbsent) return [];
  if (depth > MAX_DEPTH) throw node.refuse(`sequences at most ${MAX_DEPTH} deep`);
  if (node.at('type').value !== 'Sequence') return [node];
  return node
    .at('processors')
    .list()
    .flatMap((part) => listSteps(part, depth + 1));
}

function addStep(before: PostProcessing, node: JsonNode): PostProcessing {
  const type = node.at('type').oneOf(POST_PROCESSOR_TYPES);
  if (type !== 'ByteLevel' && before.single !== PLAIN.single) {
    throw node.refuse('one template only in a sequence of post-processors');
  }
  const trims = [...before.trims, ...readTrims(node, type)];
  switch (type) {
    case 'ByteLevel':
      return { ...before, trims };
    case 'BertProcessing': {
      const [cls, sep] = [readSpecial(node.at('cls')), readSpecial(node.at('sep'))];
      const second = { sequence: 1, typeId: 1 } as const;
      return {
        single: [cls, FIRST, sep],
        pair: [cls, FIRST, sep, second, { ...sep, typeId: 1 }],
        plainPair: [FIRST, second],
        trims,
      };
    }
    case 'RobertaProcessing': {
      const [cls, sep] = [readSpecial(node.at('cls')), readSpecial(node.at('sep'))];
      const second = { sequence: 1, typeId: 0 } as const;
      return {
        single: [cls, FIRST, sep],
        pair: [cls, FIRST, sep, sep, second, sep],
        plainPair: [FIRST, second],
        trims,
      };
    }
    case 'TemplateProcessing': {
      const specials = node.at('special_tokens');
      const pair = readTemplate(node.at('pair'), specials);
      return {
        single: readTemplate(node.at('single'), specials),
        pair,
        plainPair: pair.filter(({ sequence }) => sequence !== null),
        trims,
      };
    }
    case 'Sequence':
      throw node.refuse('a step'); // sequences were opened before
    default:
      return type satisfies never;
  }
}

function readTrims(node: JsonNode, type: string): readonly { readonly addsPrefixSpace: boolean }[] {
  if (type !== 'ByteLevel' && type !== 'RobertaProcessing') return [];
  if (!node.at('trim_offsets').boolean(true)) return [];
  return [{ addsPrefixSpace: node.at('add_prefix_space').boolean(true) }];
}

type SpecialPart = Extract<TemplatePart, { readonly sequence: null }>;

/** A special token as a list of its text and its id. */
function readSpecial(node: JsonNode): SpecialPart {
  const [token, id] = node.list();
  if (token === undefined || id === undefined) throw node.refuse('a list of a token and its id');
  return { sequence: null, typeId: 0, tokens: [token.text()], ids: [id.whole()] };
}

function readTemplate(node: JsonNode, specials: JsonNode): readonly TemplatePart[] {
  return node.list().map((part): TemplatePart => {
    const sequence = part.at('Sequence');
    if (!sequence.isAbsent) {
      const which = sequence.at('id').oneOf(['A', 'B']);
      return { sequence: which === 'A' ? 0 : 1, typeId: sequence.at('type_id').whole() };
    }
    const special = part.at('SpecialToken');
    if (special.isAbsent) throw part.refuse('{"Sequence": …} or {"SpecialToken": …}');
    const found = specials.at(special.at('id').text());
    if (found.isAbsent) throw special.at('id').refuse('the name of one of post_processor.special_tokens');
    const ids = found
      .at('ids')
      .list()
      .map((id) => id.whole());
    const tokens = found
      .at('tokens')
      .list()
      .map((token) => token.text());
    if (ids.length !== tokens.length) throw found.at('ids').refuse(`as many ids as tokens (${tokens.length})`);
    return { sequence: null, typeId: special.at('type_id').whole(), ids, tokens };
  });
}

const LEADING = new RegExp(`^[${SPACE_CLASS}Ġ]+`, 'v');
const TRAILING = new RegExp(`[${SPACE_CLASS}Ġ]$`, 'v');

/** Takes the spaces at the ends of the tokens from number `from` on out of their stretches of `text`, in place. */
export function trimStretches(
  list: TokenList,
  { text, from, addsPrefixSpace }: { readonly text: string; readonly from: number; readonly addsPrefixSpace: boolean },
): void {
  for (let index = from; index < list.tokens.length; index++) {
    const token = list.tokens[index] ?? '';
    const start = list.starts[index] ?? 0;
    const end = list.ends[index] ?? 0;
    let leading = LEADING.exec(token)?.[0].length ?? 0;
    let trailing = 0;
    while (trailing < token.length && TRAILING.test(token.slice(0, token.length - trailing))) trailing++;
    // A space that was put in front of the text is not part of any stretch.
    if (leading > 0 && addsPrefixSpace && (index === from || start === 0)) leading--;
    let trimmed = start;
    // By characters: the space may be one that was put in front of the text's first emoji.
    for (; leading > 0 && trimmed < end; leading--) trimmed += (text.codePointAt(trimmed) ?? 0) > 0xffff ? 2 : 1;
    list.starts[index] = trimmed;
    if (trailing > 0 && end >= trailing) list.ends[index] = Math.max(end - trailing, trimmed);
  }
}
