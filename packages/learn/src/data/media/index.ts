// Pictures, sound and text as labelled data: parsers, features and the port of labelled media files. Knows no file system.
export * from './audio.ts';
export { type Augmentation, augmentImages, cropImages, type Warp, warpImages } from './augment.ts';
export { gunzip, gunzipIfPacked, isGzip, type UnpackOptions } from './gunzip.ts';
export { decodeIdx, readIdx } from './idx.ts';
export { labelledIdx } from './labelled-idx.ts';
export * from './labelled-media.ts';
export { type LabelColumns, readLabelsCsv } from './labels-csv.ts';
export * from './log-mel.ts';
export { hzFromMel, type MelFilterDescription, type MelScale, melFilterBank, melFromHz } from './mel-filters.ts';
export * from './pixels.ts';
export { resample } from './resample.ts';
export { type ArchivedFile, readTar } from './tar.ts';
export * from './text.ts';
export { decodeWav, mixToMono, type Waveform } from './wav.ts';
export { WINDOW_KINDS, type WindowKind, windowValues } from './windows.ts';
