// Random texts of what tokenizers stumble over: several scripts, marks, joined emoji, spaces of all kinds, controls.
import type { Random } from '../../statistics/index.ts';

const CHARACTERS = [
  ...'abcdefgh ABC 0123 .,!?\'"',
  ...'éüñßİΣς²Ⅷ½①ﬁ',
  ...'нещоБългарскиقرآنहिन्दीไทย한국어中文日本語ｶﾞ',
  ...['\u0301', '\u0323', '\u200d', '\ufe0f', '🦙', '👩', '🏽', '🇩', '🇪', '\u{10ffff}'],
  ...['\0', '\u0001', '\u007f', '\ufeff', '\ufffd', '\u0085', '\u00a0', '\u3000', '\t', '\n', '\r\n', '  '],
  ...['the ', ' and', "'ll", '<|endoftext|>', '[CLS]', '▁', 'Ġ', '##'],
] as const;

export function drawText(random: Random, maxParts: number): string {
  const parts = random.integer(maxParts + 1);
  let text = '';
  for (let part = 0; part < parts; part++) text += CHARACTERS[random.integer(CHARACTERS.length)] ?? '';
  return text;
}
