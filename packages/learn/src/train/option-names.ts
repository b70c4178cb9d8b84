// Options by names that exist: a misspelt one would otherwise be a setting silently left out.
import { AmaasError } from '@amaas/core';

/** What other libraries call an option, spelt as {@link plain} spells it → where it is here. */
const ELSEWHERE: ReadonlyMap<string, string> = new Map([
  ['verbose', 'nothing is printed by itself; onEpoch and onProgress are told what to show'],
  ['callbacks', 'see onEpoch, onProgress, shouldStop, earlyStopping and reduceOnPlateau'],
  ['validationsplit', 'did you mean validation?'],
  ['validationdata', 'did you mean validation?'],
  ['classweight', "it is the loss's: classWeights"],
  ['classweights', "it is the loss's: classWeights"],
  ['learningrate', "it is the optimizer's: adam({ learningRate })"],
  ['lr', "it is the optimizer's: adam({ learningRate })"],
]);

/**
 * Refuses options of unknown names; those set to undefined are not there.
 * @param what - begins the message: `fit`, `compile`
 * @throws INVALID_ARGUMENT naming the option and the nearest one there is
 */
export function assertOptionNames(what: string, options: object, known: readonly string[]): void {
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || known.includes(name)) continue;
    const hint = ELSEWHERE.get(plain(name)) ?? nearest(name, known) ?? 'see what there is';
    throw new AmaasError('INVALID_ARGUMENT', `${what}: there is no option ${name}; ${hint} (${known.join(', ')})`);
  }
}

/** `did you mean epochs?`, or null where nothing is alike. */
function nearest(name: string, known: readonly string[]): string | null {
  const ranked = known
    .map((each) => ({ each, distance: editDistance(plain(name), plain(each)) }))
    .toSorted((a, b) => a.distance - b.distance);
  const [best] = ranked;
  return best === undefined || best.distance > Math.max(1, name.length / 3) ? null : `did you mean ${best.each}?`;
}

function plain(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
}

/** Insertions, deletions and substitutions between two words. Source: Levenshtein 1966, by Wagner and Fischer's rows. */
function editDistance(a: string, b: string): number {
  let above = [...Array(b.length + 1).keys()];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      row.push(Math.min((above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (above[j - 1] ?? 0) + same));
    }
    above = row;
  }
  return above[b.length] ?? 0;
}
