// Runs the sides of a workload against each other: in turn, round after round, because machines drift; ratios are taken
// within a round and their median is shown.
import { median, printRows } from '../harness/report.ts';
import type { RunningSide, Side, StepTiming } from './side.ts';
import type { Goal, Workload } from './workloads.ts';

/** How goals and tables call our side. */
export const OURS = 'amaas';

export interface RoundSettings {
  readonly threads: number;
  readonly rounds: number;
  /** How long a side computes in a round, about; a step at least. */
  readonly roundMs: number;
}

/** Threads of the side before go on spinning for work for a while; PyTorch's for 200 ms. */
const PAUSE_MS = 300;

interface Entrant {
  readonly name: string;
  readonly side: RunningSide;
  readonly steps: number;
  readonly timings: StepTiming[];
}

/** Prints a table for the workload; the first side that runs is the one all others are compared with. */
export async function compareSides(workload: Workload, sides: readonly Side[], settings: RoundSettings): Promise<void> {
  const entrants: Entrant[] = [];
  const absent: string[][] = [];
  try {
    for (const side of sides) {
      try {
        entrants.push(await enter(side, workload, settings));
      } catch (cause) {
        absent.push([side.name, '', '', '', '', `not run: ${firstLine(cause)}`]);
      }
    }
    for (let round = 0; round < settings.rounds; round++) {
      for (let place = 0; place < entrants.length; place++) {
        const entrant = entrants[(place + round) % entrants.length];
        if (entrant === undefined) continue;
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
        entrant.timings.push(await entrant.side.step(entrant.steps));
      }
    }
  } finally {
    for (const { side } of entrants) await side.close();
  }
  const [first] = entrants;
  const rows = entrants.map((entrant) => [
    entrant.name,
    median(entrant.timings.map((timing) => timing.msPerStep)).toFixed(3),
    first === undefined ? '' : speed(entrant, first).toFixed(2),
    String(entrant.steps),
    (entrant.timings.at(-1)?.loss ?? Number.NaN).toFixed(4),
    entrant.side.about,
  ]);
  printRows(`${workload.name}: ${workload.title}`, [
    ['', 'ms/step', `× ${first?.name ?? ''}`, 'steps/round', 'last loss', ''],
    ...rows,
    ...absent,
  ]);
  const ours = entrants.find((entrant) => entrant.name === OURS);
  if (ours !== undefined)
    printRows(
      '  goals',
      workload.goals.flatMap((goal) => goalRow(goal, ours, entrants)),
    );
}

function firstLine(cause: unknown): string {
  return (cause instanceof Error ? cause.message : String(cause)).split('\n', 1)[0] ?? '';
}

async function enter(side: Side, workload: Workload, { threads, roundMs }: RoundSettings): Promise<Entrant> {
  const running = await side.start(workload, threads);
  try {
    await running.step(2);
    const { msPerStep } = await running.step(3);
    const wanted = Math.max(1, Math.round(roundMs / msPerStep));
    const steps = wanted < 8 ? wanted : Math.ceil(wanted / 8) * 8; // whole chunks, for those that loop inside the graph
    return { name: side.name, side: running, steps, timings: [] };
  } catch (cause) {
    await running.close();
    throw cause;
  }
}

/** How many times as fast, as the median over rounds. */
function speed(entrant: Entrant, than: Entrant): number {
  return median(
    entrant.timings.map(({ msPerStep }, round) => (than.timings[round]?.msPerStep ?? Number.NaN) / msPerStep),
  );
}

function goalRow({ against, atLeast }: Goal, ours: Entrant, entrants: readonly Entrant[]): readonly string[][] {
  const other = entrants.find((entrant) => entrant.name === against);
  if (other === undefined) return [];
  const reached = speed(ours, other);
  return [[`× ${against}`, reached.toFixed(2), `goal ${atLeast}`, reached >= atLeast ? 'met' : 'missed']];
}
