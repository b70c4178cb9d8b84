// Loads the model named on the command line into a child process and is then killed by its test. With `stuck` the child
// is in the middle of a run that never returns. Prints the child's process id.
import { createOrtEngine } from '../engine.ts';
import { ENDLESS, loopInputs } from './loop-runs.ts';
import { childPids } from './machine.ts';

const [modelPath = '', mode] = process.argv.slice(2);
const engine = createOrtEngine();
const source = { label: 'loop@1', directory: modelPath, modelPath };
const model = await engine.load(source, { isolation: 'process', instances: 1, resources: {}, maxRunMs: 1e9 });
if (mode === 'stuck') void model.run(loopInputs(ENDLESS));
// The run must have begun; the child cannot say so, it is busy.
setTimeout(() => process.stdout.write(`${childPids()[0]}\n`), 300);
