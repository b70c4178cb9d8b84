// Says what can be done in the words of this command: of a training that failed, and wherever the library's messages name
// its own options, by the flags of the command.
import { AmaasError } from '@amaas/core';

/** The same error with a line more, where there is one to say. */
export function explainTraining(thrown: unknown): unknown {
  if (!(thrown instanceof AmaasError)) return thrown;
  const advice = adviceOn(thrown);
  if (advice === '') return thrown;
  return new AmaasError(thrown.reason, `${thrown.message}\n${advice}`, { details: thrown.details, cause: thrown });
}

/** How the library writes its options, and how this command does; the first that fits a place counts. */
const SPELLINGS: readonly (readonly [RegExp, string])[] = [
  [
    /say skipLines: (\d+) \(and header or names\), else header: true or false/g,
    'say --skip-lines $1, else --header yes or --header no',
  ],
  [/\bskipLines: (\d+)/g, '--skip-lines $1'],
  [/\bheader: true\b/g, '--header yes'],
  [/\bheader: false\b/g, '--header no'],
  [/\bgive separator, quote, header and skipLines\b/g, 'give --separator, --quote, --header and --skip-lines'],
  [/, give names, or say duplicateNames: 'rename'/g, ', or say --duplicate-names rename'],
  [/\bencoding: '(latin-1|utf-16|utf-8)'/g, '--encoding $1'],
  [/\bwith ragged: 'drop'/g, "with --ragged <policy>: 'drop'"],
  [/\bname them in missing, or say badValues: 'missing'/g, 'or name them with --missing <text>'],
  [/\blower the learning rate, clip the gradients \(clipNorm\), or look/g, 'lower the --learning-rate, or look'],
  [/\ba smaller blockSize\b/g, 'a smaller --block-size'],
  [/\bneeds steps, not epochs\b/g, 'needs --steps, not --epochs'],
  [/\braise maxRowsInMemory\b/g, 'raise --max-rows-in-memory'],
  [
    /\benlarge the part, or split at random\b/g,
    'enlarge it with --test or --validation; if the column is an amount, say --task regression',
  ],
  [/\bname another target, or regression\b/g, 'name another --target, or say --task regression'],
  [/\bchoose multiclass, or leave out\b/g, 'say --task multiclass, or leave out'],
  [/\bchoose classification instead\b/g, 'leave out --task, or say --task multiclass'],
];

/** A message of the library with its options as this command spells them. */
export function spellOptions(message: string): string {
  return SPELLINGS.reduce((text, [written, spelled]) => text.replace(written, spelled), message);
}

function adviceOn({ reason, details }: AmaasError): string {
  if (reason === 'CANCELLED') return 'Nothing was deployed. Repeat the command with --resume to go on.';
  const leaks = columnsOf(details, 'leakage').join(',');
  const texts = columnsOf(details, 'numbers-as-text');
  return [
    ...(leaks === ''
      ? []
      : [`Leave it out with --exclude ${leaks}; or, where it is known when predicting, say --allow-leakage.`]),
    ...texts.map(
      (name) =>
        `Say --missing <text> where it means "no value", --as ${name}=string where text is meant, or --exclude ${name}.`,
    ),
  ].join('\n');
}

/** Columns that findings of one code are about. */
function columnsOf(details: Readonly<Record<string, unknown>>, code: string): readonly string[] {
  const { findings } = details;
  if (!Array.isArray(findings)) return [];
  return findings.flatMap((finding: { readonly code?: unknown; readonly column?: unknown }) =>
    finding.code === code && typeof finding.column === 'string' ? [finding.column] : [],
  );
}
