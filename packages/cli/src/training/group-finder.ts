// The groups that --group-by finds in the names of files.
import { AmaasError } from '@amaas/core';
import type { MediaFile } from '@amaas/learn/data';

/** A file's group: what the expression's first parentheses matched in its path, or without any all it matched. */
export function groupFinder(groupBy: string): (file: MediaFile) => string {
  const pattern = new RegExp(groupBy, 'u');
  return ({ name }) => {
    const match = pattern.exec(name);
    const group = match?.[1] ?? match?.[0];
    if (group !== undefined && group !== '') return group;
    throw new AmaasError('INVALID_DATA', `train: --group-by ${groupBy} finds no group in the file name ${name}`);
  };
}
