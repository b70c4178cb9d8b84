// Pictures, sound and text as labelled data: parsers, features and the port of labelled media files. Knows no file system.
export { gunzip, gunzipIfPacked, isGzip, type UnpackOptions } from './gunzip.ts';
export { decodeIdx, readIdx } from './idx.ts';
export * from './pixels.ts';
export { resample } from './resample.ts';
export { type ArchivedFile, readTar } from './tar.ts';
export { decodeWav, mixToMono, type Waveform } from './wav.ts';
