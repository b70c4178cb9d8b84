// Says of a training that failed what can be done, in the words of this command.
import { AmaasError } from '@amaas/core';

/** The same error with a line more, where there is one to say. */
export function explainTraining(thrown: unknown): unknown {
  if (!(thrown instanceof AmaasError)) return thrown;
  const advice = adviceOn(thrown);
  if (advice === '') return thrown;
  return new AmaasError(thrown.reason, `${thrown.message}\n${advice}`, { details: thrown.details, cause: thrown });
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
