// `amaas bench`: how many requests a model answers, and how quickly.
import { type Command, InvalidArgumentError } from 'commander';
import { encodeHttpRequest, type LoadReport, runLoad } from '../bench/index.ts';
import {
  CommandFailed,
  type CommandContext,
  connect,
  optionsOf,
  resolveServer,
  type SharedOptions,
} from '../command-context.ts';
import { addInputOptions, type InputOptions } from '../inputs/index.ts';
import { formatMs, pairs, progressBar } from '../terminal.ts';
import { type BenchSubject, prepareSubject } from './bench-subject.ts';

interface BenchOptions extends InputOptions {
  readonly concurrency: number;
  readonly rate?: number;
  readonly duration: number;
  readonly warmup: number;
  readonly timeout: number;
  readonly rows: number;
  readonly tokens: number;
}

export function registerBench(program: Command, context: CommandContext): void {
  addInputOptions(
    program
      .command('bench <model> [file]')
      .description(
        'measure a model: requests per second, tokens of those that write, latencies; inputs as for predict, else made up',
      ),
  )
    .option('--concurrency <n>', 'connections, each with one request at a time', countFrom(1, 10_000), 8)
    .option(
      '--rate <n>',
      'requests per second at fixed times, whether or not the server keeps up (default: as fast as replies come)',
      number((value) => value > 0, 'a number above 0'),
    )
    .option('--duration <s>', 'seconds to measure', seconds(0.01), 10)
    .option('--warmup <s>', 'seconds of load before measuring', seconds(0), 2)
    .option('--timeout <s>', 'seconds after which a request counts as failed', seconds(0.01), 30)
    .option('--rows <n>', 'rows of a made-up request, where the model takes any number', countFrom(1, 1_000_000), 1)
    .option('--tokens <n>', 'tokens of an answer at most, of a language model', countFrom(1, 1_000_000), 64)
    .addHelpText(
      'after',
      `
Without --rate every connection sends its next request when the reply is there (closed loop). With --rate latency counts
from the time a request was meant to be sent (open loop), so that waiting for a slow server is counted too.

Example:
  $ amaas bench resnet --concurrency 64
  $ amaas bench story-teller --tokens 100 --text 'One day, a fox'
  $ amaas bench resnet --rate 500 --duration 30 --image cat.jpg`,
    )
    .action(async (model: string, file: string | undefined, _options: unknown, command: Command) => {
      const options = { ...optionsOf<BenchOptions>(command), file };
      const subject = await prepareSubject(context, await connect(context, options), { model, options });
      const report = await measure(context, { subject, options });
      const shown = options.json ? JSON.stringify(reportJson(report, subject), null, 2) : reportText(report, subject);
      context.terminal.print(shown);
      if (report.succeeded === 0) throw new CommandFailed();
    });
}

type Options = BenchOptions & SharedOptions & { readonly file: string | undefined };

interface Measurement {
  readonly subject: BenchSubject;
  readonly options: Options;
}

async function measure(context: CommandContext, { subject, options }: Measurement): Promise<LoadReport> {
  const { terminal } = context;
  const server = await resolveServer(context, options);
  const url = new URL(`${server.url}${subject.path}`);
  const authorization = server.apiKey === undefined ? {} : { authorization: `Bearer ${server.apiKey}` };
  const request = encodeHttpRequest({
    method: 'POST',
    url,
    headers: { ...subject.headers, ...authorization },
    body: subject.body,
  });
  const interrupted = new AbortController();
  const onInterrupt = () => interrupted.abort();
  process.once('SIGINT', onInterrupt);
  try {
    return await runLoad({
      origin: url,
      requests: [request],
      connections: options.concurrency,
      ratePerSecond: options.rate ?? null,
      warmupMs: options.warmup * 1000,
      durationMs: options.duration * 1000,
      requestTimeoutMs: options.timeout * 1000,
      signal: interrupted.signal,
      onProgress: (elapsedMs, totalMs) =>
        terminal.progress(progressBar('measuring', elapsedMs, totalMs, formatMs(elapsedMs))),
    });
  } finally {
    process.off('SIGINT', onInterrupt);
    terminal.clearProgress();
  }
}

const QUANTILES = [
  ['p50', 0.5],
  ['p90', 0.9],
  ['p95', 0.95],
  ['p99', 0.99],
] as const;

function reportText(report: LoadReport, subject: BenchSubject): string {
  const { latency, open } = report;
  const tokensPerSecond = tokensPerSecondOf(report, subject);
  const errors = [...report.errors].map(([code, { count, example }]) => `${count} × ${code}: ${example.slice(0, 200)}`);
  return pairs([
    ['request', subject.shown],
    [
      'load',
      `${report.connections} connections, ${open === null ? 'closed loop' : `open loop, ${open.intendedPerSecond} requests/s meant`}`,
    ],
    ['requests/s', `${report.succeededPerSecond.toFixed(1)}  (${report.succeeded} in ${formatMs(report.durationMs)})`],
    ...(tokensPerSecond === null ? [] : [['tokens/s', tokensPerSecond.toFixed(1)] as const]),
    [
      'latency',
      [
        ...QUANTILES.map(([name, fraction]) => `${name} ${formatMs(latency.quantileMs(fraction))}`),
        `max ${formatMs(latency.maxMs)}`,
      ].join('   '),
    ],
    ['errors', errors.length === 0 ? 'none' : errors.join('\n            ')],
    ...(open === null
      ? []
      : [
          ['rate', `${open.sentPerSecond.toFixed(1)} requests/s sent, ${open.unsent} meant but never sent`] as const,
          [
            'own delay',
            `p50 ${formatMs(open.lateness.quantileMs(0.5))}   p99 ${formatMs(open.lateness.quantileMs(0.99))}  (of this program, part of the latency)`,
          ] as const,
        ]),
    ['own cost', `${(report.generatorCpuMsPerRequest * 1000).toFixed(1)} µs of processor time per request`],
  ]);
}

/** Of all connections together; null for models that write none. */
function tokensPerSecondOf(report: LoadReport, { answerTokens }: BenchSubject): number | null {
  return answerTokens === null ? null : report.succeededPerSecond * answerTokens;
}

function reportJson(report: LoadReport, subject: BenchSubject): object {
  const { latency, open } = report;
  const tokensPerSecond = tokensPerSecondOf(report, subject);
  return {
    durationMs: report.durationMs,
    connections: report.connections,
    succeeded: report.succeeded,
    succeededPerSecond: report.succeededPerSecond,
    ...(tokensPerSecond === null ? {} : { tokensPerSecond, answerTokens: subject.answerTokens }),
    latencyMs: {
      ...Object.fromEntries(QUANTILES.map(([name, fraction]) => [name, latency.quantileMs(fraction)])),
      max: latency.maxMs,
      mean: latency.meanMs,
    },
    errors: [...report.errors].map(([code, { count, example }]) => ({ code, count, example })),
    open:
      open === null
        ? null
        : {
            intendedPerSecond: open.intendedPerSecond,
            sentPerSecond: open.sentPerSecond,
            unsent: open.unsent,
            latenessMs: { p50: open.lateness.quantileMs(0.5), p99: open.lateness.quantileMs(0.99) },
          },
    generatorCpuMsPerRequest: report.generatorCpuMsPerRequest,
  };
}

function countFrom(least: number, greatest: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= greatest) return value;
    throw new InvalidArgumentError(`expected a whole number from ${least} to ${greatest}`);
  };
}

function seconds(least: number): (text: string) => number {
  return number((value) => value >= least && value <= 86_400, `seconds from ${least} to 86400, a day`);
}

function number(isAllowed: (value: number) => boolean, allowed: string): (text: string) => number {
  return (text) => {
    const value = text.trim() === '' ? Number.NaN : Number(text);
    if (Number.isFinite(value) && isAllowed(value)) return value;
    throw new InvalidArgumentError(`expected ${allowed}`);
  };
}
