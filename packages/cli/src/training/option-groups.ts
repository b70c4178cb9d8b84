// The help of `train`, its options listed by what they are for.
import type { Command } from 'commander';
import { LANGUAGE_FLAGS } from './language-flags.ts';
import { KIND_FLAGS, TABLE_FLAGS } from './media-flags.ts';
import { WORD_VECTOR_FLAGS } from './word-vector-flags.ts';

/** Lists the options in the help by the data they are for; those for all data stay together. */
export function groupByData(command: Command): Command {
  const groups: readonly (readonly [heading: string, flags: readonly string[]])[] = [
    ['Tables:', TABLE_FLAGS.filter((flag) => flag !== 'task' && flag !== 'dropout')],
    ['Folders of pictures:', KIND_FLAGS.image],
    ['Folders of recordings:', KIND_FLAGS.audio],
    ['Language models:', LANGUAGE_FLAGS],
    ['Word vectors:', WORD_VECTOR_FLAGS],
  ];
  for (const option of command.options) {
    const [heading] = groups.find(([, flags]) => flags.some((flag) => flag === option.attributeName())) ?? [];
    if (heading !== undefined) option.helpGroup(heading);
  }
  return command;
}
