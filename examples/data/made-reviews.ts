// Short reviews made up by a seed, in which "not" turns words round: "the film is good", "this time the music is not dull".
// Or a folder of real ones, with a text file per class and a review per line.
import { openTextLines } from '@amaas/engine-sharp';
import { createRandom } from '@amaas/learn';
import { createLabelledMedia, decodeText, filesOfTexts, type LabelledMedia } from '@amaas/learn/data';

const PARTS = ['film', 'story', 'acting', 'music', 'ending', 'script', 'dialogue', 'cast'];
const ASIDES = ['', 'in my opinion', 'to be honest', 'this time', 'I am afraid'];
const PRAISE = ['good', 'moving', 'funny', 'clever', 'charming'];
const BLAME = ['bad', 'dull', 'clumsy', 'shallow', 'silly'];

/** @param folder - default: made up, so many `rows` */
export async function openReviews(folder: string | undefined, rows: number): Promise<LabelledMedia<string>> {
  if (folder !== undefined) return await openTextLines(folder);
  const random = createRandom(7);
  const pick = (from: readonly string[]): string => from[random.integer(from.length)] ?? '';
  const reviews = Array.from({ length: rows }, () => {
    const isPositive = random.integer(2) === 1;
    const [own, other] = isPositive ? [PRAISE, BLAME] : [BLAME, PRAISE];
    const claim = random.uniform() < 0.65 ? `is ${pick(own)}` : `is not ${pick(other)}`;
    const text = `${pick(ASIDES)} the ${pick(PARTS)} ${claim}`;
    return { label: isPositive ? 'positive' : 'negative', text };
  });
  return createLabelledMedia({
    kind: 'text',
    files: filesOfTexts(reviews, 'made up'),
    decode: (bytes, name) => decodeText(bytes, name),
  });
}
