// Folders (and tar archives) of pictures, sounds and texts as labelled media: names from the disk, decoding by kind.
import { readFile } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import {
  type AudioPreparation,
  createLabelledMedia,
  decodeAudio,
  decodeText,
  filesOfTexts,
  type LabelledLineOptions,
  type LabelledMedia,
  type LabelledText,
  type MediaFile,
  type Pixels,
  readLabelledLines,
  textLines,
} from '@amaas/learn/data';
import { decodeImage, type ImageLimits, type ImagePreparation } from './decode-image.ts';
import { IMAGE_EXTENSIONS } from './image-format.ts';
import { AUDIO_EXTENSIONS, listMediaFiles, type MediaFilesOptions } from './media-files.ts';

/** What the openers share; see {@link MediaFilesOptions}. */
export interface FolderOptions extends Omit<MediaFilesOptions, 'extensions'> {
  /** Order of the classes where it means something; default sorted. */
  readonly classNames?: readonly string[];
}

export interface ImageFolderOptions extends FolderOptions, Omit<ImageLimits, 'maxBytes'> {
  /** Size and colours the pictures are brought to: the same steps the manifest of the trained model declares. */
  readonly image: ImagePreparation;
}

export interface AudioFolderOptions extends FolderOptions, AudioPreparation {
  /** Only so much of the beginning is kept; default all of it. */
  readonly keepSeconds?: number;
}

export interface TextFolderOptions extends FolderOptions {
  /** Encoding of files without a byte order mark; default UTF-8. */
  readonly encoding?: string;
}

/** Pictures in a folder per class. @throws as {@link listMediaFiles} */
export async function openImageFolder(path: string, options: ImageFolderOptions): Promise<LabelledMedia<Pixels>> {
  const { image, maxPixels, maxSeconds } = options;
  const limits = {
    ...(options.maxFileBytes === undefined ? {} : { maxBytes: options.maxFileBytes }),
    ...(maxPixels === undefined ? {} : { maxPixels }),
    ...(maxSeconds === undefined ? {} : { maxSeconds }),
  };
  return createLabelledMedia({
    kind: 'image',
    files: await listMediaFiles(path, { ...options, extensions: IMAGE_EXTENSIONS }),
    decode: (bytes, name, signal) => decodeImage(bytes, image, { ...limits, name, ...(signal && { signal }) }),
    ...classNamesOf(options),
  });
}

/** Sounds (WAV) in a folder per class, as samples of one channel. @throws as {@link listMediaFiles} */
export async function openAudioFolder(path: string, options: AudioFolderOptions): Promise<LabelledMedia<Float32Array>> {
  const { sampleRateHz, keepSeconds } = options;
  const keep = keepSeconds === undefined ? undefined : Math.ceil(keepSeconds * sampleRateHz);
  return createLabelledMedia({
    kind: 'audio',
    files: await listMediaFiles(path, { ...options, extensions: AUDIO_EXTENSIONS }),
    decode: (bytes, name) => decodeAudio(bytes, name, options).slice(0, keep),
    ...classNamesOf(options),
  });
}

/** Texts (one per `.txt` file) in a folder per class. @throws as {@link listMediaFiles} */
export async function openTextFolder(path: string, options: TextFolderOptions = {}): Promise<LabelledMedia<string>> {
  return createLabelledMedia({
    kind: 'text',
    files: await listMediaFiles(path, { ...options, extensions: ['.txt'] }),
    decode: (bytes, name) => decodeText(bytes, name, options.encoding),
    ...classNamesOf(options),
  });
}

export interface TextLinesOptions extends TextFolderOptions {
  /** Endings of the file names that count; default `.txt`. */
  readonly extensions?: readonly string[];
}

/**
 * Texts, one per line, of files whose class is their first folder or, without one, their name up to the ending. Held in memory.
 * @throws as {@link listMediaFiles}, and INVALID_DATA for a file in another encoding.
 */
export async function openTextLines(path: string, options: TextLinesOptions = {}): Promise<LabelledMedia<string>> {
  const { extensions = ['.txt'], classOf = folderOrName, encoding, signal } = options;
  const files = await listMediaFiles(path, { ...options, extensions, classOf });
  const texts: MediaFile[] = [];
  for (const { name, label, read } of files) {
    const lines = textLines(decodeText(await read(signal), name, encoding));
    texts.push(
      ...filesOfTexts(
        lines.map((text) => ({ text, label })),
        name,
      ),
    );
  }
  return labelledTexts(texts, options);
}

/** Texts of one file whose lines carry their label. Held in memory. @throws INVALID_DATA, and what reading throws */
export async function openLabelledLines(
  path: string,
  options: LabelledLineOptions & Pick<TextFolderOptions, 'encoding' | 'classNames'> = {},
): Promise<LabelledMedia<string>> {
  const name = basename(path);
  const texts: readonly LabelledText[] = readLabelledLines(
    decodeText(await readFile(path), name, options.encoding),
    name,
    options,
  );
  return labelledTexts(filesOfTexts(texts, name), options);
}

function labelledTexts(files: readonly MediaFile[], options: Pick<FolderOptions, 'classNames'>): LabelledMedia<string> {
  return createLabelledMedia({
    kind: 'text',
    files,
    decode: (bytes, name) => decodeText(bytes, name),
    ...classNamesOf(options),
  });
}

function folderOrName(path: string): string {
  const slash = path.indexOf('/');
  return slash === -1 ? basename(path, extname(path)) : path.slice(0, slash);
}

function classNamesOf({ classNames }: Pick<FolderOptions, 'classNames'>): { readonly classNames?: readonly string[] } {
  return classNames === undefined ? {} : { classNames };
}
