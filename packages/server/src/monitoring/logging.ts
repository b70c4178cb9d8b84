// The logger: JSON lines for machines, one-liners for people, secrets in neither.
import { destination as openDestination, type Logger, pino, stdTimeFunctions } from 'pino';
import { createPrettyDestination, type LogDestination } from './log-lines.ts';
import { scrubLine } from './log-secrets.ts';

export type { Logger } from 'pino';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

export interface LoggerOptions {
  readonly level: LogLevel;
  /** One-liners instead of JSON; meant for a terminal. Default off. */
  readonly pretty?: boolean;
  /** Default: standard output, written at once so that nothing is lost when the process dies. */
  readonly destination?: LogDestination;
  /** Texts that must never appear, such as a configured admin key. */
  readonly secrets?: readonly string[];
}

/** Makes a logger. */
export function createLogger(options: LoggerOptions): Logger {
  const secrets = (options.secrets ?? []).filter((secret) => secret !== '');
  const plain = options.destination ?? openDestination({ fd: 1, sync: true });
  return pino(
    {
      level: options.level,
      base: null, // host and process are known to whoever collects the logs
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      hooks: { streamWrite: (line) => scrubLine(line, secrets) },
    },
    options.pretty ? createPrettyDestination(plain) : plain,
  );
}
