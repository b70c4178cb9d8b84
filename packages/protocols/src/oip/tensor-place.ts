// Which tensor of which message an error is about.
import { AmaasError, type ErrorReason } from '@amaas/core';

/** A tensor on the wire. */
export interface TensorPlace {
  readonly direction: 'input' | 'output';
  readonly name: string;
  readonly model: string;
}

/** Writes a place the way Triton's messages do: `input 'x' for model 'm'`. */
export function describePlace(place: TensorPlace): string {
  return `${place.direction} '${place.name}' for model '${place.model}'`;
}

/** An error about one tensor; its details name the model and the tensor. */
export function tensorError(place: TensorPlace, reason: ErrorReason, message: string): AmaasError {
  return new AmaasError(reason, message, { details: { model: place.model, [place.direction]: place.name } });
}
