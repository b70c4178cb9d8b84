// What was found out about language models, as text: one alone, or several in one table.
import { formatBytes, pairs, table } from '../terminal.ts';
import type { Judgement } from './judge-language-model.ts';

type Row = readonly [label: string, value: string];

export function judgementText(judgement: Judgement, data: string): string {
  const { name, file, samples } = judgement;
  return [
    pairs([
      ['model', name],
      ['kind', [file.architecture, file.quantization, parametersText(file.parameters)].filter(Boolean).join(', ')],
      ['data', data],
      ...scoreRows(judgement),
      ...costRows(judgement),
    ]),
    ...samples.map((text, index) => `\nsample ${index + 1}:\n${text}`),
  ].join('\n');
}

/** Side by side, in the order given; what differs from the first is said in percent. */
export function judgementsText(judgements: readonly Judgement[], data: string): string {
  const [first] = judgements;
  if (first === undefined) return '';
  const isText = first.scores.kind === 'text';
  const header = isText
    ? ['model', 'weights', 'file', 'memory', 'perplexity', 'against the first', 'bits per byte', 'reads', 'writes']
    : ['model', 'weights', 'file', 'memory', 'accuracy', 'per byte', 'chance', 'reads', 'writes'];
  const rows = judgements.map((judgement) => {
    const { name, file, memoryBytes, promptTokensPerSecond, generatedTokensPerSecond, scores } = judgement;
    const quality =
      scores.kind === 'text'
        ? [scores.perplexity.toFixed(3), against(scores.perplexity, first), bits(scores.bitsPerByte)]
        : [percent(scores.accuracy), percent(scores.accuracyPerByte), percent(scores.chance)];
    return [
      ...[name, file.quantization ?? 'unknown', formatBytes(file.fileBytes), memoryText(memoryBytes)],
      ...quality,
      ...[speed(promptTokensPerSecond), speed(generatedTokensPerSecond)],
    ];
  });
  const note = isText
    ? 'Perplexities compare between models of one tokenizer, bits per byte between all.'
    : 'Accuracy by the likelihood of whole choices, and by that per byte, which does not favour short ones.';
  return [
    `${judgements.length} models on ${data}`,
    '',
    table(header, rows),
    '',
    `${note} Speeds in tokens per second.`,
  ].join('\n');
}

function scoreRows({ scores }: Judgement): readonly Row[] {
  if (scores.kind === 'choices') {
    const { accuracy, interval, accuracyPerByte, intervalPerByte, chance, questions } = scores;
    return [
      ['questions', String(questions)],
      ['accuracy', `${percent(accuracy)} (${percent(interval.lower)} to ${percent(interval.upper)})`],
      [
        'per byte',
        `${percent(accuracyPerByte)} (${percent(intervalPerByte.lower)} to ${percent(intervalPerByte.upper)})`,
      ],
      ['chance', percent(chance)],
    ];
  }
  const { perplexity, perplexityInterval, bitsPerByte, bitsPerToken, tokens } = scores;
  const interval =
    perplexityInterval === null
      ? ''
      : ` (${perplexityInterval.lower.toFixed(3)} to ${perplexityInterval.upper.toFixed(3)})`;
  return [
    ['tokens', tokens.toLocaleString('en-US')],
    ['perplexity', `${perplexity.toFixed(3)}${interval}`],
    ['bits per byte', bits(bitsPerByte)],
    ['bits per token', bitsPerToken.toFixed(4)],
  ];
}

function costRows({ file, memoryBytes, promptTokensPerSecond, generatedTokensPerSecond }: Judgement): readonly Row[] {
  return [
    ['file', formatBytes(file.fileBytes)],
    ['memory', memoryText(memoryBytes)],
    ['reads', `${speed(promptTokensPerSecond)} tokens a second`],
    ['writes', `${speed(generatedTokensPerSecond)} tokens a second`],
  ];
}

function parametersText(parameters: number): string {
  const [scale, unit] = parameters >= 1e9 ? [1e9, 'billion'] : parameters >= 1e6 ? [1e6, 'million'] : [1e3, 'thousand'];
  return `${(parameters / scale).toPrecision(3)} ${unit} parameters`;
}

function against(perplexity: number, { scores }: Judgement): string {
  if (scores.kind !== 'text' || perplexity === scores.perplexity) return '–';
  const change = (perplexity / scores.perplexity - 1) * 100;
  return `${change > 0 ? '+' : '−'}${Math.abs(change).toFixed(2)} %`;
}

function bits(value: number | null): string {
  return value === null ? 'unknown' : value.toFixed(4);
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

function memoryText(bytes: number | null): string {
  return bytes === null ? 'unknown' : formatBytes(bytes);
}

function speed(perSecond: number | null): string {
  return perSecond === null ? 'unknown' : Math.round(perSecond).toLocaleString('en-US');
}
