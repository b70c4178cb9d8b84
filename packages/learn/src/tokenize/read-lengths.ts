// Truncation and padding, as a tokenizer.json has them and as callers give them.
import { AmaasError } from '@amaas/core';
import type { Padding, Truncation } from './encoding.ts';
import type { JsonNode } from './json-node.ts';

const STRATEGIES = { LongestFirst: 'longest', OnlyFirst: 'first', OnlySecond: 'second' } as const;
const SIDES = { Left: 'left', Right: 'right' } as const;

/** Tokens of a padded encoding at most; a file must not make short texts endless. */
const MAX_PADDED = 2 ** 20;
const MAX_NUMBER = 2 ** 31 - 1;

/** @throws INVALID_MODEL naming the field. */
export function readTruncation(node: JsonNode): Truncation | null {
  if (node.isAbsent) return null;
  return {
    maxLength: node.at('max_length').whole(),
    strategy: STRATEGIES[node.at('strategy').oneOf(['LongestFirst', 'OnlyFirst', 'OnlySecond'], 'LongestFirst')],
    stride: node.at('stride').isAbsent ? 0 : node.at('stride').whole(),
    side: SIDES[node.at('direction').oneOf(['Left', 'Right'], 'Right')],
  };
}

/** @throws INVALID_MODEL naming the field. */
export function readPadding(node: JsonNode): Padding | null {
  if (node.isAbsent) return null;
  const strategy = node.at('strategy');
  const fixed = strategy.value === 'BatchLongest' ? null : strategy.at('Fixed').whole();
  if (fixed !== null && fixed > MAX_PADDED) throw strategy.refuse(`a length up to ${MAX_PADDED}`);
  const multiple = node.at('pad_to_multiple_of');
  if (!multiple.isAbsent && multiple.whole() > MAX_PADDED) throw multiple.refuse(`a length up to ${MAX_PADDED}`);
  return {
    ...(fixed === null ? {} : { length: fixed }),
    multipleOf: multiple.isAbsent || multiple.value === 0 ? 1 : multiple.whole(),
    side: SIDES[node.at('direction').oneOf(['Left', 'Right'], 'Right')],
    id: node.at('pad_id').whole(),
    typeId: node.at('pad_type_id').isAbsent ? 0 : node.at('pad_type_id').whole(),
    token: node.at('pad_token').text(),
  };
}

/** @throws INVALID_ARGUMENT for lengths that are none. */
export function checkTruncation({ maxLength, stride = 0 }: Truncation): void {
  checkWhole('truncation.maxLength', maxLength, [0, MAX_NUMBER]);
  checkWhole('truncation.stride', stride, [0, MAX_NUMBER]);
}

/** @throws INVALID_ARGUMENT for lengths that are none. */
export function checkPadding({ length = 0, multipleOf = 1, id, typeId = 0 }: Padding): void {
  checkWhole('padding.length', length, [0, MAX_PADDED]);
  checkWhole('padding.multipleOf', multipleOf, [1, MAX_PADDED]);
  checkWhole('padding.id', id, [0, MAX_NUMBER]);
  checkWhole('padding.typeId', typeId, [0, MAX_NUMBER]);
}

function checkWhole(name: string, value: number, [least, most]: readonly [number, number]): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new AmaasError(
    'INVALID_ARGUMENT',
    `tokenizer: ${name} expects a whole number from ${least} to ${most}, got ${value}`,
  );
}
