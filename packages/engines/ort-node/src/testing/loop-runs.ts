// Runs of the Loop model that take as long as a test needs, on whatever machine.
import type { LoadedModel, NamedTensors } from '@amaas/core';
import { floats, longs, named } from './tensors.ts';

/** More turns than a lifetime has time for. */
export const ENDLESS = 10n ** 17n;

export function loopInputs(times: bigint): NamedTensors {
  return named({ x: floats([1], [1]), times: longs([], [times]) });
}

/** Turns of the loop that take about so long here. */
export async function turnsTaking(model: LoadedModel, ms: number): Promise<bigint> {
  const trialTurns = 50_000;
  await model.run(loopInputs(1000n));
  const { timing } = await model.run(loopInputs(BigInt(trialTurns)));
  return BigInt(Math.ceil((trialTurns * ms) / timing.computeMs));
}
