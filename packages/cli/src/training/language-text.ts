// What a training of a language model shows: the text and the network it begins with, its progress, what it measured, and
// the samples it wrote.
import type { CurvePoint, LanguageFacts, LanguageTrainingEvent, SampledText } from '@amaas/learn/language';
import { formatNumber } from '../facts-text.ts';
import { pairs } from '../terminal.ts';

const BAR_WIDTH = 16;

const counted = (value: number): string => value.toLocaleString('en-US');

export interface FoundText {
  readonly files: number;
  readonly bytes: number;
  readonly others: readonly string[];
}

/** Text and network. @param data - as the user names it */
export function languageFactsText(data: string, found: FoundText, facts: LanguageFacts): string {
  const { architecture, documents, trainingTokens, heldOutTokens, heldOutBytes } = facts;
  const { name, layers, heads, width, blockSize, vocabularySize } = architecture;
  const { others } = found;
  const held = heldOutTokens === 0 ? '' : `, ${counted(heldOutTokens)} held out (${counted(heldOutBytes)} bytes)`;
  return [
    pairs([
      [
        'text',
        `${data}: ${counted(found.bytes)} bytes in ${plural(found.files, 'file')}, ${plural(documents, 'document')}`,
      ],
      ['tokens', `${trainingTokens === null ? 'streamed' : `${counted(trainingTokens)} to learn`}${held}`],
      ['network', `${name}: ${layers} layers, ${heads} heads, ${width} wide, ${blockSize} tokens at once`],
      ['vocabulary', counted(vocabularySize)],
      ['parameters', counted(facts.parameters)],
      ['steps', `${counted(facts.steps)} of ${counted(facts.tokensPerStep)} tokens`],
    ]),
    ...(others.length === 0 ? [] : [`not read: ${plural(others.length, 'file')} of other kinds, such as ${others[0]}`]),
    '',
  ].join('\n');
}

/** `step 120/1,000  ██░░░  12%  loss 3.21  12,345 tokens/s  95 s left`. */
export function languageProgressText(
  { step, steps, loss, tokensPerSecond }: Extract<LanguageTrainingEvent, { kind: 'progress' }>,
  tokensPerStep: number,
  withBar: boolean,
): string {
  const filled = Math.round((step / steps) * BAR_WIDTH);
  const leftSeconds = Math.ceil(((steps - step) * tokensPerStep) / Math.max(tokensPerSecond, 1e-9));
  return [
    `step ${counted(step)}/${counted(steps)}`,
    ...(withBar ? [`${'█'.repeat(filled)}${'░'.repeat(BAR_WIDTH - filled)}`] : []),
    `${Math.floor((step / steps) * 100)}%`,
    `loss ${formatNumber(loss)}`,
    `${counted(Math.round(tokensPerSecond))} tokens/s`,
    `${leftSeconds < 120 ? `${leftSeconds} s` : `${counted(Math.ceil(leftSeconds / 60))} min`} left`,
  ].join('  ');
}

export function measuredText({ step, loss, validationLoss, bitsPerByte }: CurvePoint): string {
  const heldOut =
    validationLoss === null || bitsPerByte === null
      ? ''
      : `  held out ${formatNumber(validationLoss)}, ${bitsPerByte.toFixed(3)} bits per byte`;
  return `step ${counted(step)}  loss ${formatNumber(loss)}${heldOut}`;
}

/** A sample as a block of its own, what it went on from included; characters that would steer a terminal are shown as dots. */
export function sampleText({ prompt, text, ended }: SampledText): string {
  const shown = `${prompt}${text}`.replaceAll(/[^\P{Cc}\t\n]/gu, '·');
  return `${shown}${ended ? '' : ' …'}`.replaceAll(/^/gm, '  | ');
}

function plural(count: number, what: string): string {
  return `${counted(count)} ${what}${count === 1 ? '' : 's'}`;
}
