// Entry of a model's child process. It has one libuv thread (the engine starts it so): more of them take turns at calling
// llama.cpp, and a fifth of the speed of eight streams goes with that.
import { loadBinding } from './binding.ts';
import { type Parent, serveParent } from './child-loop.ts';
import type { LoadTask } from './messages.ts';
import { ModelHost } from './model-host.ts';
import { planMemory, readFileFacts } from './plan-memory.ts';

/** Of llama.cpp between two looks at them; the first ones say why. */
const MOST_COMPLAINTS = 5;

serveParent(load);

async function load(task: LoadTask, parent: Parent): Promise<ModelHost> {
  const { label, modelPath, contextTokens, parallel, maxMemoryBytes } = task;
  const facts = await readFileFacts(modelPath);
  const plan = planMemory(label, facts, { contextTokens, parallel, maxMemoryBytes });
  const complaints: string[] = [];
  const binding = await loadBinding((text) => {
    if (complaints.length < MOST_COMPLAINTS) complaints.push(text);
  });
  const parts = { binding, complaints: () => complaints.splice(0).join('; '), ...parent };
  return ModelHost.load(parts, { ...task, ...plan }, facts);
}
