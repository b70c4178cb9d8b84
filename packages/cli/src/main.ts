// The amaas command: reads the command line, runs one verb, answers with an exit code. Knows no verb's business.
import { Command } from 'commander';
import packageJson from '../package.json' with { type: 'json' };
import type { CommandContext, World } from './command-context.ts';
import { registerBackup } from './commands/backup.ts';
import { registerBench } from './commands/bench.ts';
import { registerChat } from './commands/chat.ts';
import { registerCompare } from './commands/compare.ts';
import { registerDatasets } from './commands/datasets.ts';
import { registerDeploy } from './commands/deploy.ts';
import { registerDoctor } from './commands/doctor.ts';
import { registerEval } from './commands/eval.ts';
import { registerJobs } from './commands/jobs.ts';
import { registerKeys } from './commands/keys.ts';
import { registerModels } from './commands/models.ts';
import { registerPredict } from './commands/predict.ts';
import { registerPull } from './commands/pull.ts';
import { registerRestore } from './commands/restore.ts';
import { registerRuns } from './commands/runs.ts';
import { registerServe } from './commands/serve.ts';
import { registerTrain } from './commands/train.ts';
import { registerTune } from './commands/tune.ts';
import { reportFailure } from './failures.ts';
import { createTerminal } from './terminal.ts';

/** Runs one command line (without the program's name); resolves to its exit code. */
export async function main(argv: readonly string[], world: World): Promise<number> {
  const context: CommandContext = { world, terminal: createTerminal(world) };
  try {
    const program = createProgram(context);
    await registerServe(program, context, asksFor('serve', argv));
    registerDeploy(program, context);
    registerPull(program, context);
    registerModels(program, context);
    registerPredict(program, context);
    registerChat(program, context);
    registerTrain(program, context);
    registerTune(program, context);
    registerEval(program, context);
    registerCompare(program, context);
    registerDatasets(program, context);
    registerRuns(program, context);
    registerJobs(program, context);
    registerKeys(program, context);
    registerBackup(program, context);
    registerRestore(program, context);
    registerBench(program, context);
    registerDoctor(program, context);
    await program.parseAsync([...argv], { from: 'user' });
    return 0;
  } catch (thrown) {
    return reportFailure(context.terminal, thrown, argv.includes('--json'));
  }
}

function createProgram({ world }: CommandContext): Command {
  return new Command('amaas')
    .description('AI Model as a Service: serve, deploy, call and measure models')
    .version(packageJson.version, '-v, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .option('--url <url>', 'address of the server (default: AMAAS_URL, else http://127.0.0.1:8080)')
    .option(
      '--api-key <key>',
      "API key (default: AMAAS_API_KEY, else the credentials file; `serve` keeps its admin's there)",
    )
    .option('--json', 'print JSON instead of text')
    .configureHelp({ showGlobalOptions: true, helpWidth: 100 })
    .configureOutput({
      writeOut: (text) => void world.stdout.write(text),
      writeErr: (text) => void world.stderr.write(text),
      outputError: (text, write) => write(withPatternAdvice(text)),
    })
    .showHelpAfterError('(add --help for the options and an example)')
    .exitOverride()
    .addHelpText('after', EXAMPLE);
}

const EXAMPLE = `
Example:
  $ amaas serve                                  start a server on this machine
  $ amaas deploy model.onnx --name resnet        put a model into it
  $ amaas predict resnet --image cat.jpg         ask it

Exit codes: 0 done, 1 failed, 2 wrong use.`;

/** Shells make many arguments of a pattern that nobody quoted. */
function withPatternAdvice(text: string): string {
  const isMany = /^error: too many arguments for '(train|tune|eval|predict|upload)'/.test(text);
  return isMany ? `${text}If a pattern such as data/*.csv was meant, quote it: 'data/*.csv'\n` : text;
}

/** Whether the command line asks for this verb, or for its help. */
function asksFor(verb: string, argv: readonly string[]): boolean {
  return argv.includes(verb);
}
