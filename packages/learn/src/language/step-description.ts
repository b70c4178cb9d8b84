// What the metadata of a step's model says: its states, and which output of one step is which input of the next. Read back
// as strictly as it was written.
import { AmaasError, isDType } from '@amaas/core';
import type { StepState } from '../layers/index.ts';
import { readModel } from '../onnx/index.ts';

/** The metadata's key. */
export const STEP_METADATA = 'amaas.step';

/** A state and its names in the models. */
export interface DescribedState extends StepState {
  readonly input: string;
  /** Of a model that gives it: the start's for {@link StepState.isStarted}, a step's for {@link StepState.isChanged}. */
  readonly output: string | null;
}

export interface StepDescription {
  readonly kind: 'start' | 'step' | 'prompt' | 'write';
  readonly vocabularySize: number;
  readonly mostIds?: number;
  readonly takesChunks: boolean;
  readonly states: readonly DescribedState[];
}

/** @throws INVALID_MODEL when the model says nothing of steps, or what cannot be */
export function readStepDescription(model: Uint8Array): StepDescription {
  const entry = readModel(model).metadata?.find(({ key }) => key === STEP_METADATA);
  if (entry?.value === undefined) {
    throw new AmaasError('INVALID_MODEL', `step model: its metadata have no ${STEP_METADATA}`);
  }
  let given: unknown;
  try {
    given = JSON.parse(entry.value);
  } catch {
    throw refused('are not JSON');
  }
  if (!isObject(given)) throw refused('are no object');
  const { kind, vocabularySize, mostIds, takesChunks, states } = given;
  if (kind !== 'start' && kind !== 'step' && kind !== 'prompt' && kind !== 'write')
    throw refused(`name the kind ${String(kind)}`);
  if (!isCount(vocabularySize) || !(mostIds === undefined || isCount(mostIds)))
    throw refused('hold sizes that are none');
  if (typeof takesChunks !== 'boolean' || !Array.isArray(states)) throw refused('lack takesChunks or states');
  return {
    ...{ kind, vocabularySize, takesChunks, states: states.map(stateFrom) },
    ...(mostIds === undefined ? {} : { mostIds }),
  };
}

function stateFrom(given: unknown): DescribedState {
  if (!isObject(given)) throw refused('hold a state that is no object');
  const { name, dtype, shape, isStarted, isChanged, input, output } = given;
  if (
    typeof name !== 'string' ||
    typeof dtype !== 'string' ||
    !isDType(dtype) ||
    !Array.isArray(shape) ||
    !shape.every((size) => typeof size === 'string' || (typeof size === 'number' && Number.isSafeInteger(size))) ||
    typeof isStarted !== 'boolean' ||
    typeof isChanged !== 'boolean' ||
    typeof input !== 'string' ||
    !(output === null || typeof output === 'string')
  ) {
    throw refused(`hold a state that is none, ${String(name)}`);
  }
  return { name, dtype, shape, isStarted, isChanged, input, output };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0;
}

function refused(what: string): AmaasError {
  return new AmaasError('INVALID_MODEL', `step model: its metadata ${STEP_METADATA} ${what}`);
}
