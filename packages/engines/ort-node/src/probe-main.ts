// Entry of a probing child: one trial of one model, then the end.
import { AmaasError, serializeError } from '@amaas/core';
import { loadBinding } from './binding.ts';
import { openParentPipe } from './child-side.ts';
import type { Frame } from './frames.ts';
import type { Random } from './made-up-inputs.ts';
import type { ProbeMessage, ProbeTask } from './probe-messages.ts';
import { readStatusBytes } from './process-memory.ts';
import { unpackTensors } from './tensors.ts';
import { runTrial } from './trial.ts';

const pipe = openParentPipe();
const task = pipe.read();
if (task !== null) await probe(task).catch((thrown) => tell({ kind: 'failed', error: serializeError(thrown) }));
pipe.read(); // stays until the parent has read the verdict and ends it
process.exit(0);

async function probe({ message, tensors }: Frame): Promise<void> {
  const { config, declared, hasExample, maxMemoryBytes, timeoutMs } = message as ProbeTask; // sent by probe.ts
  await loadBinding(); // its own memory is not the model's
  const baselineBytes = process.memoryUsage.rss();
  tell({ kind: 'baseline', residentBytes: baselineBytes });
  const report = await runTrial({
    config,
    declared,
    example: hasExample ? unpackTensors(tensors) : null,
    timeoutMs,
    random: seededRandom(1),
    enter(stage) {
      assertMemory(config.label, baselineBytes, maxMemoryBytes);
      tell({ kind: 'stage', stage });
    },
    residentBytes: () => process.memoryUsage.rss(),
  });
  assertMemory(config.label, baselineBytes, maxMemoryBytes);
  tell({ kind: 'report', report });
}

/** The parent watches while this process works; a peak between two of its looks is found here. */
function assertMemory(label: string, baselineBytes: number, maxMemoryBytes: number): void {
  const grownBytes = (readStatusBytes('self', 'VmHWM') ?? process.memoryUsage.rss()) - baselineBytes;
  if (grownBytes > maxMemoryBytes) {
    throw new AmaasError(
      'MEMORY_LIMIT',
      `probe: model "${label}" took ${grownBytes} bytes of memory; at most ${maxMemoryBytes} are allowed`,
      { details: { memoryBytes: grownBytes, maxMemoryBytes } },
    );
  }
}

function tell(message: ProbeMessage): void {
  pipe.send({ message, tensors: new Map() });
}

/** The same made-up inputs at every probe of a model. Source: mulberry32, Tommy Ettinger, public domain. */
function seededRandom(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
