// A look at the names in a folder before anything is read: which kind of medium is to be learned there, and of which
// classes. Says of a folder that cannot be learned from what was found in it and what was expected.
import { extname } from 'node:path';
import { AmaasError } from '@amaas/core';
import { countOf, sortClassNames } from '@amaas/learn/data';
import { IMAGE_EXTENSIONS } from './image-format.ts';
import { AUDIO_EXTENSIONS, listNames } from './media-files.ts';

/** Kinds of media that are learned from a folder per class. */
export type FolderKind = 'image' | 'audio';

export interface InspectedFolder {
  readonly kind: FolderKind;
  /** In the order a model has them. */
  readonly classes: readonly { readonly name: string; readonly count: number }[];
  /** How many files of other kinds lie there, by ending; they are passed over. */
  readonly others: ReadonlyMap<string, number>;
}

export interface InspectOptions {
  /** The folder as messages call it; default its path. */
  readonly name?: string;
  /** Files to be evaluated may be of one class; default 2, without which nothing is learned. */
  readonly leastClasses?: 1 | 2;
  readonly signal?: AbortSignal;
}

const NOUNS: Readonly<Record<FolderKind, readonly [one: string, many: string]>> = {
  image: ['picture', 'pictures'],
  audio: ['recording', 'recordings'],
};

/** Parts of a data set as their folders are usually called; nobody calls classes so. */
const TRAINING_PARTS: ReadonlySet<string> = new Set(['train', 'training']);
const PARTS: ReadonlySet<string> = new Set([...TRAINING_PARTS, 'test', 'testing', 'val', 'valid', 'validation', 'dev']);

/** What people have that has to be converted first. */
const OTHER_SOUNDS: ReadonlySet<string> = new Set(['.mp3', '.flac', '.ogg', '.m4a', '.aac', '.opus', '.wma', '.aif']);
const OTHER_PICTURES: ReadonlySet<string> = new Set(['.heic', '.heif', '.bmp', '.svg', '.psd', '.raw', '.dng', '.jxl']);
const TABLES: ReadonlySet<string> = new Set(['.csv', '.tsv', '.parquet', '.jsonl', '.ndjson']);

/**
 * What there is to learn in a folder, by the names of its files.
 * @throws INVALID_DATA with what was found and what was expected, CANCELLED, and what reading folders throws
 */
export async function inspectMediaFolder(path: string, options: InspectOptions = {}): Promise<InspectedFolder> {
  const { name = path, leastClasses = 2, signal } = options;
  const names = await listNames(path, { signal });
  const byKind: Readonly<Record<FolderKind, string[]>> = { image: [], audio: [] };
  const rest: string[] = [];
  for (const file of names.toSorted()) {
    const ending = endingOf(file);
    if (IMAGE_EXTENSIONS.includes(ending)) byKind.image.push(file);
    else if (AUDIO_EXTENSIONS.includes(ending)) byKind.audio.push(file);
    else rest.push(file);
  }
  const { image, audio } = byKind;
  if (image.length > 0 && audio.length > 0) {
    throw refusal(
      `${name} holds ${described('image', image)} and ${described('audio', audio)}; ` +
        'a model is of one kind, so give a folder with pictures only or recordings only',
    );
  }
  const kind = image.length > 0 ? 'image' : 'audio';
  const files = byKind[kind];
  if (files.length === 0) throw nothingFound(name, rest);
  refuseLoose(name, kind, files);
  const classes = countClasses(files);
  refuseParts(name, kind, { files, classes });
  const [only, second] = classes;
  if (only !== undefined && second === undefined && leastClasses === 2) {
    throw refusal(
      `${name} has but one class, "${only.name}" with ${countOf(only.count, ...NOUNS[kind])}; ` +
        'a model needs at least two to tell apart, a folder each',
    );
  }
  return { kind, classes, others: countEndings(rest) };
}

function refuseLoose(name: string, kind: FolderKind, files: readonly string[]): void {
  const loose = files.filter((file) => !file.includes('/'));
  const [first] = loose;
  if (first === undefined) return;
  const [, many] = NOUNS[kind];
  throw refusal(
    `${describedLoose(kind, loose)} of ${name} ${loose.length === 1 ? 'lies' : 'lie'} in no folder, such as ${first}, so ` +
      `${loose.length === 1 ? 'its class is' : 'their classes are'} not known; put ${many} into a folder per class, such as ` +
      `${join(name, 'cat', first)}`,
  );
}

/** `train/cat/1.png` beside `test/cat/2.png` would be learned as the classes "train" and "test". */
function refuseParts(
  name: string,
  kind: FolderKind,
  { files, classes }: { readonly files: readonly string[]; readonly classes: InspectedFolder['classes'] },
): void {
  const isPart = (part: string): boolean => PARTS.has(part.toLowerCase());
  const areDeep = files.every((file) => file.split('/').length > 2);
  if (!areDeep || !classes.every(({ name: part }) => isPart(part))) return;
  const parts = classes.map(({ name: part }) => part);
  const training = parts.find((part) => TRAINING_PARTS.has(part.toLowerCase())) ?? parts[0] ?? '';
  const [, many] = NOUNS[kind];
  const holdingOut = parts.find((part) => part.toLowerCase().startsWith('test'));
  throw refusal(
    `the ${many} of ${name} lie in ${parts.join(' and ')}, which are parts of a data set rather than classes; ` +
      `give one of them, to learn from ${join(name, training)}` +
      (holdingOut === undefined ? '' : ` (and --test ${join(name, holdingOut)} to report on that one)`),
  );
}

function nothingFound(name: string, rest: readonly string[]): AmaasError {
  const expected =
    `expected a folder per class with pictures (${IMAGE_EXTENSIONS.join(', ')}) or recordings (${AUDIO_EXTENSIONS.join(', ')}), ` +
    `such as ${join(name, 'cat', '1.png')}`;
  if (rest.length === 0) return refusal(`there is no file in ${name}; ${expected}`);
  const found = `${name} holds no picture and no WAV recording, but ${endingsText(countEndings(rest))}; ${expected}`;
  const table = rest.find((file) => TABLES.has(endingOf(file)));
  const sound = rest.find((file) => OTHER_SOUNDS.has(endingOf(file)));
  const picture = rest.find((file) => OTHER_PICTURES.has(endingOf(file)));
  return refusal(
    found +
      (table === undefined ? '' : `. To learn from a table name its file: ${join(name, table)}`) +
      (sound === undefined ? '' : `. Convert ${endingOf(sound)} recordings to .wav first`) +
      (picture === undefined ? '' : `. Convert ${endingOf(picture)} pictures to .png or .jpg first`),
  );
}

function countClasses(files: readonly string[]): InspectedFolder['classes'] {
  const counts = new Map<string, number>();
  for (const file of files) {
    const name = file.slice(0, file.indexOf('/'));
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return sortClassNames(counts.keys()).map((name) => ({ name, count: counts.get(name) ?? 0 }));
}

function countEndings(files: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const file of files) counts.set(endingOf(file), (counts.get(endingOf(file)) ?? 0) + 1);
  return new Map([...counts].toSorted(([, left], [, right]) => right - left));
}

/** `12 .txt files, 1 .csv file and 3 of other endings`. */
export function endingsText(endings: ReadonlyMap<string, number>): string {
  const [first, second, ...others] = [...endings].map(([ending, count]) =>
    countOf(count, `${ending === '' ? 'nameless' : ending} file`),
  );
  const more = others.length === 0 ? '' : ` and ${countOf(others.length, 'other ending')}`;
  return [first, second].filter((text) => text !== undefined).join(', ') + more;
}

function described(kind: FolderKind, files: readonly string[]): string {
  return `${countOf(files.length, ...NOUNS[kind])} (such as ${files[0]})`;
}

function describedLoose(kind: FolderKind, files: readonly string[]): string {
  return countOf(files.length, ...NOUNS[kind]);
}

function endingOf(file: string): string {
  return extname(file).toLowerCase();
}

function join(folder: string, ...names: readonly string[]): string {
  return [folder.replace(/\/+$/, ''), ...names].join('/');
}

function refusal(message: string): AmaasError {
  return new AmaasError('INVALID_DATA', `media: ${message}`);
}
